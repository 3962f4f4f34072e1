import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandTask } from '../../src/kinds/command.ts';
import { buildWith, checkout, sharedStore, toolsOf } from '../helpers/tools.ts';

/** Runs a script as a task in the real sandbox; returns what it left in `out/facts`, or how it failed. */
async function inside(script: string, inputs: Record<string, string> = {}) {
  const nonce = `# ${Math.random()}\n`;
  const result = await buildWith(['tools/bootstrap'], (provides) => ({
    target: 'test:inside',
    tasks: [
      commandTask({
        id: 'test:inside',
        title: 'look around',
        tools: toolsOf(provides('tools/bootstrap')),
        script: nonce + script,
        inputs: Object.fromEntries(Object.entries(inputs).map(([name, text]) => [name, { from: 'text', text }])),
        outputs: { facts: 'file' },
      }),
    ],
  }));
  const facts = result.ok ? readFileSync(await result.output('test:inside', 'facts'), 'utf8').trimEnd() : undefined;
  return { ...result, facts };
}

const server = createServer((socket) => socket.end('reached'));
let port = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address && typeof address === 'object') port = address.port;
  process.env.PIBUILD_TEST_SECRET = 'secret';
});

afterAll(() => {
  server.close();
});

test('a task has a fixed user, host name and environment, and none of the host', async () => {
  const { facts } = await inside(
    '{ id -u; hostname 2>/dev/null || cat /proc/sys/kernel/hostname; env | sort; } > out/facts',
  );
  expect(facts?.split('\n').filter((line) => !line.startsWith('MAKEFLAGS='))).toEqual([
    '1000',
    'pibuild',
    'HOME=/tmp',
    'LANG=C.UTF-8',
    'PATH=/usr/bin:/usr/sbin:/bin:/sbin',
    'PWD=/work',
    'SHLVL=1',
    'SOURCE_DATE_EPOCH=1767225600',
    'TZ=UTC',
    '_=/usr/bin/env',
  ]);
});

test('a task reaches no network, not even a server on this machine', async () => {
  const { facts } = await inside(
    `{ (exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3) 2>&1 || echo refused; grep -c : /proc/net/dev; } > out/facts`,
  );
  expect(facts).toContain('refused');
  expect(facts).not.toContain('reached');
  expect(facts?.split('\n').at(-1)).toBe('1');
});

test('what a task makes is dated by nothing but its variable: the environment of the caller and his time zone do not reach it', async () => {
  Object.assign(process.env, {
    TZ: 'Asia/Tokyo',
    LC_ALL: 'de_DE.UTF-8',
    LD_PRELOAD: '/nowhere.so',
    SOURCE_DATE_EPOCH: '1',
  });
  try {
    const { facts } = await inside(
      '{ date -d "@$SOURCE_DATE_EPOCH" +%FT%T%z; locale 2>/dev/null | grep -c C.UTF-8 || true; env | grep -c -e LD_ -e PIBUILD_ -e Tokyo || true; } > out/facts',
    );
    expect(facts?.split('\n')).toEqual(['2026-01-01T00:00:00+0000', expect.any(String), '0']);
  } finally {
    for (const name of ['TZ', 'LC_ALL', 'LD_PRELOAD', 'SOURCE_DATE_EPOCH']) delete process.env[name];
  }
});

test('a task has no socket, device, key or shared memory of the host, and may not change the machine', async () => {
  const { facts } = await inside(
    [
      'for path in /run/* /var/run/docker.sock /dev/sd* /dev/mmcblk* /dev/kvm /dev/mem /dev/fuse /dev/loop* /sys/*; do',
      '  case $path in /run/jobserver | *\\*) ;; *) if [ -e "$path" ]; then echo "saw $path"; fi ;; esac',
      'done > facts',
      'ls /dev/shm >> facts',
      '(exec 3<>/dev/tcp/10.0.2.2/80) 2>/dev/null && echo "reached a network" >> facts',
      '(echo x > /proc/sys/kernel/hostname) 2>/dev/null && echo "changed the host name" >> facts',
      '(echo 1 > /proc/sys/vm/drop_caches) 2>/dev/null && echo "wrote to the kernel" >> facts',
      'mount -t tmpfs none /tmp 2>/dev/null && echo mounted >> facts',
      'mv facts out/facts',
    ].join('\n'),
  );
  expect(facts).toBe('');
});

test('a task sees no files and no processes of the host', async () => {
  const { facts } = await inside(
    [
      `for path in ${checkout} ${sharedStore} /home/* /root/* /mnt/* /etc/machine-id; do if test -e "$path"; then echo "saw $path"; fi; done > facts`,
      'for folder in /work /tmp /run; do echo $folder $(ls $folder) >> facts; done',
      'echo processes $(ls -d /proc/[0-9]* | wc -l) >> facts; mv facts out/facts',
    ].join('\n'),
  );
  expect(facts?.replace(/processes [1-6]$/, 'processes few')).toBe(
    '/work facts in out task.sh\n/tmp\n/run jobserver\nprocesses few',
  );
});

test('tools and inputs are read-only, also for chmod', async () => {
  const tries = [
    'echo x >> in/note',
    'chmod u+w in/note',
    'rm -f in/note',
    'touch /usr/bin/new',
    'echo x >> /usr/bin/bash',
    'mkdir /new',
  ];
  const script = tries.map((line) => `if (${line}) 2>/dev/null; then echo 'did ${line}' >> facts; fi`).join('\n');
  const { facts } = await inside(`echo start > facts\n${script}\ncp facts out/facts`, { note: 'text' });
  expect(facts).toBe('start');
});

test('the umask is fixed, whatever it is outside', async () => {
  const before = process.umask(0o077);
  try {
    expect((await inside('umask > out/facts')).facts).toBe('0022');
  } finally {
    process.umask(before);
  }
});

test('a failing script is reported with its exit code, the failing line, and a command that runs it again', async () => {
  const { ok, events } = await inside('echo about to fail\nls /nowhere');
  expect(ok).toBe(false);
  const failed = events.find((event) => event.type === 'task-failed');
  if (failed?.type !== 'task-failed') throw new Error('no failure was reported');
  expect(failed.diagnostics[0]?.message).toBe('test:inside failed with exit code 2');
  expect(failed.tail).toContain('failed (exit 2) at line 3: ls /nowhere');
  expect(failed.command).toContain('usr/bin/bwrap');
});

test('one jobserver is shared by all makes, so N jobs run at once and not N for each task', async () => {
  const { facts } = await inside('echo "$MAKEFLAGS" > out/facts; test -p /run/jobserver');
  expect(facts).toMatch(/^-j\d+ --jobserver-auth=fifo:\/run\/jobserver$/);
});

test('a script that says what is wrong and exits is reported in its own words', async () => {
  const { diagnostics } = await inside(
    "echo 'error: too large by 5 bytes; the largest:' >&2; echo '  5 /etc/motd' >&2; exit 1",
  );
  expect(diagnostics).toEqual([
    {
      severity: 'error',
      code: 'task/failed',
      message: 'too large by 5 bytes; the largest:',
      notes: [{ message: '5 /etc/motd' }],
    },
  ]);
});
