import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Builder } from '../../src/build/builder.ts';
import { unwrap } from '../../src/diagnostic.ts';
import { createGraph } from '../../src/graph/graph.ts';
import type { Artifact, Task, TaskId } from '../../src/graph/task.ts';
import { createBench, task } from '../helpers/builder.ts';

/** Writes its params, and copies the first line of each input. */
function copying(bench: ReturnType<typeof createBench>): void {
  bench.define('text', async (workspace, params: never) => {
    const inputs = Object.keys(workspace.task.inputs).map((name) => readFileSync(workspace.input(name), 'utf8'));
    writeFileSync(workspace.output('out'), [JSON.stringify(params), ...inputs].join('\n'));
  });
  bench.define('first-line', async (workspace) => {
    const text = readFileSync(workspace.input('from'), 'utf8');
    writeFileSync(workspace.output('out'), text.split('\n')[0] ?? '');
  });
  bench.define('tree', async (workspace) => {
    const root = workspace.output('out');
    mkdirSync(join(root, 'bin'), { recursive: true });
    writeFileSync(join(root, 'bin/tool'), '#!/bin/sh\n');
    chmodSync(join(root, 'bin/tool'), 0o700);
    writeFileSync(join(root, 'plain'), 'plain\n');
    symlinkSync('plain', join(root, 'link'));
  });
  bench.define('failing', async () => {
    const { fail } = await import('../../src/diagnostic.ts');
    throw fail('test/failed', 'it failed');
  });
}

function createTextBench() {
  const bench = createBench();
  copying(bench);
  return bench;
}

function content(bench: ReturnType<typeof createBench>, artifact: Artifact | undefined): string {
  if (artifact?.type !== 'file') throw new Error('no file');
  return Buffer.from(bench.store().bytes(artifact.digest) ?? []).toString();
}

function textInput(text: string): Task['inputs'][string] {
  return { from: 'text', text };
}

test('a second build of the same graph runs nothing', async () => {
  const bench = createTextBench();
  const tasks = [task('a:a', 'text', { in: textInput('one') }), task('b:b', 'text', { a: 'a:a/out' })];
  expect((await bench.build(tasks, 'b:b')).ok).toBe(true);
  expect(bench.ran()).toEqual(['a:a', 'b:b']);
  expect((await bench.build(tasks, 'b:b')).ok).toBe(true);
  expect(bench.ran()).toEqual([]);
});

test('a changed input rebuilds what depends on it, and going back to the old one rebuilds nothing', async () => {
  const bench = createTextBench();
  const graph = (text: string) => [task('a:a', 'text', { in: textInput(text) }), task('b:b', 'text', { a: 'a:a/out' })];
  await bench.build(graph('one'), 'b:b');
  await bench.build(graph('two'), 'b:b');
  expect(bench.ran()).toEqual(['a:a', 'b:b']);
  expect(bench.reasons()).toEqual({ 'a:a': "input 'in' changed", 'b:b': "input 'a' changed" });
  await bench.build(graph('one'), 'b:b');
  expect(bench.ran()).toEqual([]);
});

test('an input that is rebuilt but comes out the same stops the rebuild there', async () => {
  const bench = createTextBench();
  const graph = (text: string) => [
    task('a:a', 'first-line', { from: textInput(text) }),
    task('b:b', 'text', { a: 'a:a/out' }),
  ];
  await bench.build(graph('same\nfirst'), 'b:b');
  await bench.build(graph('same\nsecond'), 'b:b');
  expect(bench.ran()).toEqual(['a:a']);
});

test('a project file is part of the identity by its bytes, not by its time', async () => {
  const bench = createTextBench();
  const path = join(bench.folder, 'recipe.txt');
  const tasks = [task('a:a', 'text', { file: { from: 'project', path } })];
  writeFileSync(path, 'one');
  await bench.build(tasks, 'a:a');
  writeFileSync(path, 'one');
  utimesSync(path, 1, 1);
  await bench.build(tasks, 'a:a');
  expect(bench.ran()).toEqual([]);
  writeFileSync(path, 'two');
  const { artifacts } = await bench.build(tasks, 'a:a');
  expect(bench.ran()).toEqual(['a:a']);
  expect(content(bench, artifacts.get(tasks[0]?.id as never)?.out)).toBe('null\ntwo');
});

test('a damaged blob is noticed when it is needed, reported, and made again', async () => {
  const bench = createTextBench();
  const first = task('a:a', 'text', { in: textInput('one') });
  const { artifacts } = await bench.build([first], 'a:a');
  const artifact = artifacts.get(first.id)?.out as Artifact;
  const blob = bench.store().paths.blob(artifact.digest.hash);
  chmodSync(blob, 0o644);
  const bytes = readFileSync(blob);
  bytes[0] = 0x58;
  writeFileSync(blob, bytes);
  utimesSync(blob, 1_000_000_000, 1_000_000_000);
  const tasks = [first, task('b:b', 'text', { a: 'a:a/out' })];
  const result = await bench.build(tasks, 'b:b');
  expect(result.ok).toBe(true);
  expect(bench.ran()).toEqual(['a:a', 'b:b']);
  expect(bench.events.some((event) => event.type === 'store-damaged')).toBe(true);
});

test('a tree comes back the same when its unpacked form is gone or was tampered with', async () => {
  const bench = createTextBench();
  bench.define('list', async (workspace) => {
    const root = workspace.input('tree');
    const text = [...readdirSync(root).sort(), readFileSync(join(root, 'plain'), 'utf8')].join(' ');
    writeFileSync(workspace.output('out'), `${JSON.stringify(workspace.task.params)} ${text}`);
  });
  const tree = task('t:t', 'tree', {}, { outputs: { out: 'tree' } });
  const list = (n: number) => [tree, task('l:l', 'list', { tree: 't:t/out' }, { params: n })];
  const { artifacts } = await bench.build(list(1), 'l:l');
  const place = bench.store().paths.tree(artifacts.get(tree.id)?.out?.digest.hash ?? '');
  rmSync(place, { recursive: true });
  await bench.build(list(2), 'l:l');
  expect(bench.ran()).toEqual(['l:l']);
  chmodSync(join(place, 'plain'), 0o644);
  writeFileSync(join(place, 'plain'), 'PLAIN\n');
  const again = await bench.build(list(3), 'l:l');
  expect(bench.ran()).toEqual(['t:t', 'l:l']);
  expect(content(bench, again.artifacts.get('l:l' as never)?.out)).toBe('3 bin link plain plain\n');
});

test('a damaged trace is made again, never believed', async () => {
  const bench = createTextBench();
  const tasks = [task('a:a', 'text', { in: textInput('one') })];
  await bench.build(tasks, 'a:a');
  const finished = bench.events.find((event) => event.type === 'task-finished');
  const trace = bench.store().paths.trace(finished?.type === 'task-finished' ? finished.fingerprint : '');
  for (let at = 0; at < readFileSync(trace).length; at += 7) {
    const bytes = readFileSync(trace);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(trace, bytes);
    const result = await bench.build(tasks, 'a:a');
    expect(result.ok).toBe(true);
    expect(bench.ran()).toEqual(['a:a']);
  }
});

test('a failure is reported once, and what depends on it is not tried', async () => {
  const bench = createTextBench();
  const tasks = [task('f:f', 'failing'), task('b:b', 'text', { f: 'f:f/out' }), task('c:c', 'text', { b: 'b:b/out' })];
  const result = await bench.build(tasks, 'c:c');
  expect(result.ok).toBe(false);
  expect(result.diagnostics.map(({ code }) => code)).toEqual(['test/failed']);
  expect(bench.events.filter((event) => event.type === 'task-failed')).toHaveLength(1);
});

test('with keep-going everything that does not depend on the failure is built', async () => {
  const bench = createTextBench();
  const tasks = [
    task('f:f', 'failing'),
    task('a:a', 'text'),
    task('b:b', 'text', { a: 'a:a/out' }),
    task('end:end', 'text', { f: 'f:f/out', b: 'b:b/out' }),
  ];
  expect((await bench.build(tasks, 'end:end', { keepGoing: true, jobs: 1 })).ok).toBe(false);
  expect(bench.ran()).toEqual(['a:a', 'b:b']);
});

test('a task that does not leave what it declares fails and leaves no result', async () => {
  const bench = createTextBench();
  bench.define('nothing', async () => {});
  const result = await bench.build([task('n:n', 'nothing')], 'n:n');
  expect(result.diagnostics.map(({ code }) => code)).toEqual(['task/no-artifact']);
  expect((await bench.build([task('n:n', 'nothing')], 'n:n')).ok).toBe(false);
});

test('two builds at once on one store run each task once', async () => {
  const bench = createTextBench();
  let runs = 0;
  bench.define('slow', async (workspace) => {
    runs += 1;
    await new Promise((resolve) => setTimeout(resolve, 100));
    writeFileSync(workspace.output('out'), 'slow');
  });
  const tasks = [task('s:s', 'slow')];
  const results = await Promise.all([bench.build(tasks, 's:s'), bench.build(tasks, 's:s')]);
  expect(results.map(({ ok }) => ok)).toEqual([true, true]);
  expect(runs).toBe(1);
});

test('cancelling stops the build without a result for what was running', async () => {
  const bench = createTextBench();
  const controller = new AbortController();
  bench.define('waits', async ({ signal }) => {
    controller.abort();
    signal.throwIfAborted();
  });
  const tasks = [task('w:w', 'waits'), task('b:b', 'text', { w: 'w:w/out' })];
  const result = await bench.build(tasks, 'b:b', { signal: controller.signal });
  expect(result).toMatchObject({ ok: false, cancelled: true, ran: 0 });
});

test('never more tasks run at once than there are jobs', async () => {
  const bench = createTextBench();
  let [running, most] = [0, 0];
  bench.define('busy', async (workspace) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running -= 1;
    writeFileSync(workspace.output('out'), '');
  });
  const leaves = Array.from({ length: 12 }, (_, n) => task(`l:${n}`, 'busy', {}, { params: n }));
  const end = task('end:end', 'text', Object.fromEntries(leaves.map(({ id }) => [id, `${id}/out`])));
  await bench.build([...leaves, end], 'end:end', { jobs: 3 });
  expect(most).toBe(3);
});

test('checking a task twice finds nothing in a task that does the same thing twice, and names what differs in one that does not', async () => {
  const bench = createTextBench();
  bench.define('dice', async (workspace) => {
    const root = workspace.output('out');
    mkdirSync(join(root, 'share'), { recursive: true });
    writeFileSync(join(root, 'share/same'), 'same');
    writeFileSync(join(root, 'share/random'), `number ${process.hrtime.bigint()}`);
  });
  const tasks = [task('a:a', 'text'), task('d:d', 'dice', { a: 'a:a/out' }, { outputs: { out: 'tree' } })];
  await bench.build(tasks, 'd:d');
  const builder = new Builder(unwrap(createGraph(tasks, [])), bench.options());
  expect(await builder.check('a:a' as TaskId)).toEqual([]);
  const [difference] = await builder.check('d:d' as TaskId);
  expect(difference?.artifact).toBe('out');
  expect(difference?.where).toMatch(/^'share\/random': line 1: number \d+ -> number \d+$/);
  await builder.close();
});
