import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { History } from '../../src/build/history.ts';
import { claim } from '../../src/build/lock.ts';
import { alone, enter, sweep } from '../../src/build/presence.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { verifyStore } from '../../src/build/verify.ts';
import type { TaskId } from '../../src/graph/task.ts';
import { createBench, task } from '../helpers/builder.ts';

/** What a store goes through: bits that flip, processes that are killed in the middle, odd places, odd umasks. */

function treeBench() {
  const bench = createBench();
  bench.define('tree', async (workspace) => {
    const root = workspace.output('out');
    mkdirSync(join(root, 'share/empty'), { recursive: true });
    writeFileSync(join(root, 'share/text'), 'text');
    writeFileSync(join(root, 'tool'), '#!/bin/sh', { mode: 0o755 });
  });
  bench.define('text', async (workspace) => writeFileSync(workspace.output('out'), 'of its own'));
  bench.define('look', async (workspace) => {
    const root = workspace.input('tree');
    const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
    const modes = ['.', ...paths].map((path) => `${(statSync(join(root, path)).mode & 0o777).toString(8)} ${path}`);
    writeFileSync(workspace.output('out'), modes.join('\n'));
  });
  const tree = task('t:t', 'tree', {}, { outputs: { out: 'tree' } });
  const look = (params: number) => task('l:l', 'look', { tree: 't:t/out' }, { params });
  return {
    bench,
    tasks: (n = 0) => [tree, task('x:x', 'text'), look(n), task('end:end', 'text', { l: 'l:l/out', x: 'x:x/out' })],
  };
}

/** Changes one byte of a file, and of its dates nothing: what a disk does. */
function rot(path: string): void {
  const { atime, mtime, mode } = statSync(path);
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  chmodSync(path, mode);
  utimesSync(path, atime, mtime);
}

function filesBelow(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

test.each(['cas', 'cas-x', 'ac', 'trees'])(
  'whatever rots below %s, verifying finds it, and the next build is right',
  async (kind) => {
    const { bench, tasks } = treeBench();
    const { signal } = new AbortController();
    const lookedAt = async (n: number) => (await bench.build(tasks(n), 'l:l')).artifacts.get('l:l' as TaskId);
    const first = await lookedAt(0);
    await bench.build(tasks(), 'end:end');
    const store = bench.store();
    expect((await verifyStore(store, signal)).damaged).toEqual([]);
    for (const path of filesBelow(join(store.paths.root, kind))) {
      // An empty folder's Directory has no bytes.
      if (statSync(path).size === 0) continue;
      rot(path);
      expect((await verifyStore(store, signal)).damaged.length).toBeGreaterThan(0);
      expect((await verifyStore(store, signal)).damaged).toEqual([]);
      const result = await bench.build(tasks(), 'end:end');
      expect(result.ok).toBe(true);
      expect(bench.events.filter(({ type }) => type === 'store-damaged')).toEqual([]);
      expect(await lookedAt(1)).toEqual(first);
    }
  },
);

test('what is only remembered is forgotten when a byte of it flips, wherever', () => {
  const { folder } = createBench();
  const paths = { times: join(folder, 'times.json'), history: join(folder, 'history.json') };
  const id = task('a:a', 'text').id;
  const times = new Times(paths.times);
  times.set(id, 123);
  times.save();
  const history = new History(paths.history);
  history.set(task('a:a', 'text'), { fingerprint: 'f', kind: 'k', params: 'p', epoch: 1, inputs: {} });
  history.save();
  const priority = () => new Times(paths.times).priorities([task('a:a', 'text')]).get(id);
  const last = () => new History(paths.history).last(task('a:a', 'text'));
  const unknown = new Times(`${paths.times}.none`).priorities([task('a:a', 'text')]).get(id);
  expect(priority()).toBe(123);
  expect(last()?.fingerprint).toBe('f');
  for (const [path, read, nothing] of [
    [paths.times, priority, unknown],
    [paths.history, last, undefined],
  ] as const) {
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      writeFileSync(path, flipped);
      expect(read()).toBe(nothing);
    }
    for (const text of ['', 'null', '[]', '"text"', '{"a:a": {}}']) {
      writeFileSync(path, text);
      expect(read()).toBe(nothing);
    }
  }
});

test('what a process that was killed while it remembered left beside the file goes with the next write', () => {
  const { folder } = createBench();
  const path = join(folder, 'times.json');
  writeFileSync(`${path}.${DEAD}`, 'half');
  writeFileSync(`${path}.${process.ppid}`, 'of a living process');
  const times = new Times(path);
  times.set(task('a:a', 'text').id, 1);
  times.save();
  expect(
    readdirSync(folder)
      .filter((name) => name.startsWith('times'))
      .sort(),
  ).toEqual(['times.json', `times.json.${process.ppid}`].sort());
});

/** No process has a number this high (proc(5), pid_max). */
const DEAD = 2 ** 22 + 1;

test('a tree that is linked out of the blobs looks as where it was made, whatever the umask is', async () => {
  const { bench, tasks } = treeBench();
  const first = (await bench.build(tasks(), 'l:l')).artifacts;
  const place = bench.store().paths.tree(first.get('t:t' as TaskId)?.out?.digest.hash ?? '');
  rmSync(place, { recursive: true });
  const before = process.umask(0o077);
  try {
    const again = (await bench.build(tasks(1), 'l:l')).artifacts;
    expect(again.get('l:l' as TaskId)).toEqual(first.get('l:l' as TaskId));
  } finally {
    process.umask(before);
  }
});

test('the sweep takes marks, folders and downloads of the dead, and what is still needed of neither', async () => {
  const { bench, tasks } = treeBench();
  await bench.build(tasks(), 'end:end');
  const store = bench.store();
  const [dead, living] = [new Store(store.paths.root), new Store(store.paths.root)];
  const marks = [dead, living].map(({ session }) => store.paths.presence(session));
  for (const mark of marks) writeFileSync(mark, '');
  dead.temporary('half-done');
  const release = await claim(living.paths.root, living.session);
  const [known = ''] = filesBelow(join(store.paths.root, 'cas')).map((path) => path.slice(-64));
  const unknown = '0'.repeat(64);
  mkdirSync(store.paths.partials);
  const partials = [known, `${known}.${DEAD}.1`, `${known}.${process.pid}.1`, unknown, `${unknown}.${DEAD}.1`];
  for (const name of partials) writeFileSync(store.paths.partial(name), 'half');
  await sweep(store);
  expect(marks.map((mark) => existsSync(mark))).toEqual([false, true]);
  expect(existsSync(store.paths.temporaryOf(dead.session))).toBe(false);
  expect(partials.map((name) => existsSync(store.paths.partial(name)))).toEqual([false, false, true, true, true]);
  release?.();
});

test('who begins to build while somebody looks for the living is counted among them', async () => {
  const { bench } = treeBench();
  for (let round = 0; round < 20; round++) {
    const store = bench.store();
    let looking = true;
    const looks = (async () => {
      while (looking) {
        await sweep(new Store(store.paths.root));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const leave = await enter(store);
    looking = false;
    await looks;
    expect(await alone(bench.store(), async () => 'tidied')).toBeUndefined();
    leave();
  }
});

test('whoever stops a build does not wait until its work is removed', async () => {
  const bench = createBench();
  const controller = new AbortController();
  bench.define('waits', async ({ signal }) => {
    controller.abort();
    signal.throwIfAborted();
  });
  const store = Object.assign(bench.store(), { discard: () => new Promise<void>(() => {}) });
  const result = await bench.build([task('w:w', 'waits')], 'w:w', { signal: controller.signal, store });
  expect(result.cancelled).toBe(true);
});

test.each([':', ';', '$', '\n'])(
  'a store whose path has %j in it is refused: the tools would not start there',
  async (taken) => {
    await expect(enter(new Store(join(createBench().folder, `a${taken}b`)))).rejects.toThrow(/: its path has/);
  },
);

test('a log that cannot be written is a failure of the task, not a bug', async () => {
  const { bench, tasks } = treeBench();
  writeFileSync(join(bench.folder, 'logs'), 'a file in the way');
  const result = await bench.build(tasks(), 'end:end');
  expect(result.diagnostics[0]?.code).toBe('output/cannot-write');
});
