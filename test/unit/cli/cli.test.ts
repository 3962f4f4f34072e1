import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** The real process, built as `npm run build` does, with verbs that misbehave. */

const folder = mkdtempSync(join(tmpdir(), 'pibuild-cli-'));
const running = new Set<ChildProcessWithoutNullStreams>();

beforeAll(async () => {
  const bundle = await rolldown({
    input: 'src/cli.ts',
    platform: 'node',
    plugins: [
      {
        name: 'verbs that misbehave',
        resolveId: (id) => (id === './index.ts' ? resolve('test/fixtures/cli/verbs.ts') : undefined),
      },
    ],
  });
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: 'cli.mjs' });
});

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

function start(verb: string) {
  const child = spawn(process.execPath, [join(folder, 'cli.mjs'), verb], { env: { ...process.env, TMPDIR: folder } });
  running.add(child);
  const output = { out: '', err: '' };
  child.stdout.on('data', (text) => {
    output.out += text;
  });
  child.stderr.on('data', (text) => {
    output.err += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code, ...output }));
  return { child, ended };
}

test('the first Ctrl-C lets the work end by itself, and the exit code is 130', async () => {
  const { child, ended } = start('obedient');
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: 130, out: 'ready\ncleaned up\n', err: '' });
});

test('SIGTERM does the same and ends with 143', async () => {
  const { child, ended } = start('obedient');
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 143, out: 'ready\ncleaned up\n' });
});

test('the second Ctrl-C ends at once what does not listen to the first', async () => {
  const { child, ended } = start('stubborn');
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: 130, out: 'ready\nheard\n', err: '' });
});

test('when nobody reads on, pibuild ends without a word', async () => {
  const { child, ended } = start('talkative');
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await ended).toMatchObject({ code: 141, err: '' });
});

test('a failure that nobody waits for is a bug with a report', async () => {
  const { code, err } = await start('careless').ended;
  expect(code).toBe(70);
  expect(err).toMatch(/^pibuild: this is a bug: RangeError: nobody waits for this\n {2}report {2}.*\n$/);
  expect(readFileSync(err.split('  report  ')[1]?.trim() ?? '', 'utf8')).toContain('careless');
});
