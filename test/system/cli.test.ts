import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Event } from '../../src/build/event.ts';
import { Interrupted } from '../../src/commands/context.ts';
import { pibuild } from '../../src/commands/program.ts';
import { install } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';
import { sharedStore } from '../helpers/tools.ts';

/** The whole program, with packages of a user's own that really are compiled, fail and hang. */

const board = 'board: small\nextends: rpi3-minimal\npackages: [good, bad, worse, slow]\n';

function pack(name: string, makefile: string): Record<string, string> {
  return {
    [`packages/${name}/package.yaml`]: `package: ${name}\nkind: make\nsource: {folder: code}\n`,
    [`packages/${name}/code/Makefile`]: makefile,
  };
}

/** The words that tell one run's processes from another's. */
const nap = `31${process.pid}`;
const installing = 'install:\n\tinstall -D Makefile $(DESTDIR)/usr/share/file\n';
const files = {
  'boards/small/board.yaml': board,
  ...pack('good', `all:\n\techo it is good ${Date.now()}\n${installing}`),
  ...pack('bad', `all:\n\t@echo about to fail\n\t@exit 3\n${installing}`),
  ...pack('worse', `all:\n\t@echo worse still\n\t@exit 4\n${installing}`),
  ...pack('slow', `all:\n\t@echo asleep\n\t@sleep ${nap}\n${installing}`),
};

/** A project of its own, and pibuild as it is called there. */
function projectOf() {
  const project = folderOf(files);
  const call = async (
    words: readonly string[],
    signal = new AbortController().signal,
    onOutput?: (text: string) => void,
  ) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const text = { out: '', err: '' };
    stdout.on('data', (data) => {
      text.out += data;
      onOutput?.(text.out);
    });
    stderr.on('data', (data) => {
      text.err += data;
    });
    const env = { ...process.env, PIBUILD_STORE: sharedStore, FORCE_COLOR: '0', npm_command: 'run' };
    const code = await pibuild(words, { cwd: project, env, stdin: new PassThrough(), stdout, stderr, signal });
    return { code, ...text };
  };
  return { project, call };
}

function eventsOf(out: string): Event[] {
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
}

test('a task is built once, has a log, and then there is nothing to do', async () => {
  const { project, call } = projectOf();
  const first = await call(['make', 'small', 'good:build']);
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(first.out).toMatch(/^\[ *\d+\/\d+\] good:build .* \d+\.\d s$/m);
  expect(readFileSync(join(project, 'output/small/logs/good.build.log'), 'utf8')).toContain('it is good');
  const second = await call(['make', 'small', 'good:build']);
  expect(second.out).toMatch(/^nothing to do, \d+ tasks up to date \(\d+\.\d s\)\n$/);
});

test('with --json every line is an event, from the start to the end', async () => {
  const { call } = projectOf();
  const events = eventsOf((await call(['make', 'small', 'good:build', '--json'])).out);
  expect(events[0]).toMatchObject({ type: 'build-started', targets: ['good:build'] });
  expect(events.at(-1)).toMatchObject({ type: 'build-finished', ok: true, ran: 0 });
});

test('a failing task shows the end of its log and the command, which fails the same way when it is pasted', async () => {
  const { call } = projectOf();
  const { code, out } = await call(['make', 'small', 'bad:build']);
  expect(code).toBe(1);
  expect(out).toMatch(/bad:build .* failed after/);
  expect(out).toMatch(/^ {4}\| about to fail$/m);
  expect(out).toMatch(/^ {2}log +output\/small\/logs\/bad\.build\.log$/m);
  expect(out).toMatch(/^ {2}shell +pibuild shell small bad:build$/m);
  const command = /^ {2}command +(.*)$/m.exec(out)?.[1] ?? '';
  const pasted = await promisify(execFile)('bash', ['-c', command]).catch((error) => error);
  expect(pasted.code).toBeGreaterThan(0);
  expect(pasted.stdout + pasted.stderr).toContain('about to fail');
});

test('a shell after a failure stands in its work, where the task can be run again; after a success it does not', async () => {
  const installed = await install();
  onTestFinished(() => installed.remove());
  const { project, call } = projectOf();
  const shell = async (command: string) => {
    const running = installed.start(['shell', 'small', 'bad:build', '--', command], project);
    await running.ended;
    return running.output();
  };
  const makefile = join(project, 'packages/bad/code/Makefile');
  const broken = readFileSync(makefile, 'utf8');
  const mended = `all:\n\techo mended ${Date.now()}\n${installing}`;
  writeFileSync(makefile, mended);
  expect((await call(['make', 'small', 'bad:build'])).code).toBe(0);
  writeFileSync(makefile, broken);
  expect((await call(['make', 'small', 'bad:build'])).code).toBe(1);
  const inFailure = await shell('again; echo "ended with $?"; again');
  expect(inFailure).toContain('with the work that failed');
  expect(inFailure.match(/about to fail/g)).toHaveLength(2);
  expect(inFailure).not.toContain('File exists');
  expect(inFailure).toMatch(/^ended with [1-9]/m);
  writeFileSync(makefile, mended);
  expect(await shell('ls')).toMatch(/^In the sandbox of bad:build\. .*\nin\nout\ntask\.sh\n$/);
});

test('with --keep-going everything that fails is told in one run', async () => {
  const { call } = projectOf();
  const { code, out } = await call(['make', 'small', 'bad:build', 'worse:build', 'good:build', '--keep-going']);
  expect(code).toBe(1);
  expect(out).toContain('| about to fail');
  expect(out).toContain('| worse still');
  expect(out).toMatch(/^failed: (bad:build, worse:build|worse:build, bad:build); /m);
});

test('Ctrl-C ends what runs at once, and leaves no process behind', async () => {
  const { call } = projectOf();
  const controller = new AbortController();
  const { code, out } = await call(['make', 'small', 'slow:build', '--verbose'], controller.signal, (text) => {
    if (text.includes('slow:build: asleep')) controller.abort(new Interrupted('SIGINT'));
  });
  expect(code).toBe(130);
  expect(out).toContain('stopped; ');
  await vi.waitUntil(() => !commandLines().some((line) => line.includes(`sleep\0${nap}`)), { timeout: 20_000 });
});

test('a mistake in a recipe is shown where it is, and ends with 2', async () => {
  const { project, call } = projectOf();
  writeFileSync(join(project, 'boards/small/board.yaml'), board.replace('packages', 'pakages'));
  const { code, out, err } = await call(['make', 'small']);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/^boards\/small\/board\.yaml:3:1: error: .*pakages/);
  expect(err).toMatch(/\^{7}\n {2}hint: did you mean 'packages'\?/);
});

function commandLines(): string[] {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.map((id) => (existsSync(`/proc/${id}/cmdline`) ? read(`/proc/${id}/cmdline`) : ''));
}

/** Empty for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
