import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { poolSizes } from '../../src/build/pools.ts';
import { Remembered } from '../../src/build/remembered.ts';
import { Times } from '../../src/build/times.ts';
import { Turns } from '../../src/build/turns.ts';
import { inOrder } from '../../src/graph/graph.ts';
import type { Pool, TaskId } from '../../src/graph/task.ts';
import { packageKinds } from '../../src/kinds/index.ts';
import { planBoard } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { createBench, task } from '../helpers/builder.ts';
import { checkout } from '../helpers/tools.ts';

const GIB = 1024 ** 3;

/** Tasks that run until they are let go; `running` has those that were begun. */
function createHolds(turns: Turns) {
  const running: string[] = [];
  const waiting = new Map<string, () => void>();
  const begin = (id: string, pool?: Pool) =>
    turns.take(task(id, 'any', {}, pool ? { pool } : {}), async () => {
      running.push(id);
      await new Promise<void>((resolve) => waiting.set(id, resolve));
      running.splice(running.indexOf(id), 1);
    });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { running, begin, settle, end: (id: string) => waiting.get(id)?.() };
}

test('of a pool no more tasks run at once than it has places, others run beside them', async () => {
  const pools = { ...poolSizes(4 * GIB, 8), link: 1 };
  const { running, begin, settle, end } = createHolds(new Turns({ jobs: 8, pools }));
  const all = [begin('a:link', 'link'), begin('b:link', 'link'), begin('c:compile', 'compile'), begin('d:any')];
  await settle();
  expect(running).toEqual(['d:any', 'a:link', 'c:compile']);
  end('a:link');
  await settle();
  expect(running).toEqual(['d:any', 'c:compile', 'b:link']);
  for (const id of ['b:link', 'c:compile', 'd:any']) end(id);
  await Promise.all(all);
});

test('downloads take no place of a processor', async () => {
  const { running, begin, settle, end } = createHolds(new Turns({ jobs: 1, pools: poolSizes(4 * GIB, 1) }));
  const all = [begin('a:fetch', 'network'), begin('b:fetch', 'network'), begin('c:build', 'compile')];
  await settle();
  expect(running.sort()).toEqual(['a:fetch', 'b:fetch', 'c:build']);
  for (const id of ['a:fetch', 'b:fetch', 'c:build']) end(id);
  await Promise.all(all);
});

test('pools are as large as the memory allows, and at least one task always runs', () => {
  expect(poolSizes(64 * GIB, 16)).toEqual({ network: 3, disk: 2, compile: 128, link: 32, emulator: 8 });
  expect(poolSizes(4 * GIB, 16)).toEqual({ network: 3, disk: 2, compile: 8, link: 2, emulator: 2 });
  expect(poolSizes(GIB / 4, 16)).toEqual({ network: 3, disk: 2, compile: 1, link: 1, emulator: 1 });
  expect(poolSizes(64 * GIB, 1).emulator).toBe(1);
});

test('while the load is too high no second task is begun; the first one always is', async () => {
  let [load, again] = [9, () => {}];
  const wait = () => new Promise<void>((resolve) => (again = resolve));
  const turns = new Turns({ jobs: 4, pools: poolSizes(4 * GIB, 4), load: 2.5, currentLoad: () => load, wait });
  const { running, begin, settle, end } = createHolds(turns);
  const all = [begin('a:a'), begin('b:b')];
  await settle();
  again();
  await settle();
  expect(running).toEqual(['a:a']);
  load = 2;
  again();
  await settle();
  expect(running).toEqual(['a:a', 'b:b']);
  end('a:a');
  end('b:b');
  await Promise.all(all);
});

test('what tasks took is remembered beside what another pibuild remembers at the same time', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'pibuild-times-')), 'times.json');
  const [one, two] = [new Remembered<number>(path), new Remembered<number>(path)];
  one.set('a:a', 1);
  two.set('b:b', 2);
  one.save();
  two.save();
  const now = new Remembered<number>(path);
  expect([now.get('a:a'), now.get('b:b')]).toEqual([1, 2]);
});

test('in an empty store the way to the kernel is begun first', () => {
  const project = loadProject({ folder: checkout, installation: checkout, kinds: packageKinds });
  const { graph } = planBoard(project, 'rpi3');
  const times = new Times(join(createBench().folder, 'none.json'));
  const priorities = times.priorities(inOrder(graph, graph.targets));
  const first = [...priorities].sort(([, a], [, b]) => b - a).map(([id]) => id);
  const kernel = first.indexOf('linux:build' as TaskId);
  const needed = new Set(inOrder(graph, ['linux:build' as TaskId]).map(({ id }) => id));
  expect(first.slice(0, kernel).every((id) => needed.has(id))).toBe(true);
});
