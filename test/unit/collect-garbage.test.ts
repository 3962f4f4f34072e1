import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { collectGarbage } from '../../src/build/collect-garbage.ts';
import { claim } from '../../src/build/lock.ts';
import { alone, enter, sweep } from '../../src/build/presence.ts';
import { Store } from '../../src/build/store.ts';
import type { Task } from '../../src/graph/task.ts';
import { createBench, task } from '../helpers/builder.ts';

const KILOBYTE = 1024;

/** Makes results of 100 KiB each; the later ones were used later. */
async function fill(count: number) {
  const bench = createBench();
  bench.define('fill', async (workspace, params: never) => {
    writeFileSync(workspace.output('out'), Buffer.alloc(100 * KILOBYTE, String(params)));
  });
  const tasks: Task[] = [];
  for (let n = 0; n < count; n++) {
    tasks.push(task(`f:${n}`, 'fill', {}, { params: n }));
    await bench.build(tasks, `f:${n}`);
    const finished = bench.events.find((event) => event.type === 'task-finished');
    if (finished?.type === 'task-finished') utimesSync(bench.store().paths.trace(finished.fingerprint), n + 1, n + 1);
  }
  return { bench, tasks };
}

test('gc keeps what was used last and forgets the rest', async () => {
  const { bench, tasks } = await fill(5);
  const done = await collectGarbage(bench.store(), 250 * KILOBYTE);
  expect(done).toMatchObject({ traces: 3, kept: 200 * KILOBYTE, freed: 300 * KILOBYTE });
  for (const [n, expected] of [
    [4, []],
    [3, []],
    [0, ['f:0']],
  ] as const) {
    await bench.build(tasks, `f:${n}`);
    expect(bench.ran()).toEqual(expected);
  }
});

test('gc of a store that is small enough removes nothing', async () => {
  const { bench } = await fill(3);
  expect(await collectGarbage(bench.store(), 10 ** 9)).toMatchObject({ freed: 0, traces: 0 });
});

test('nobody tidies while a build is at work, and a build waits while somebody tidies', async () => {
  const { bench } = await fill(1);
  const leave = await enter(bench.store());
  expect(await alone(bench.store(), async () => 'tidied')).toBeUndefined();
  leave();
  let tidied = false;
  const tidying = alone(bench.store(), async () => {
    await new Promise((resolve) => setTimeout(resolve, 60));
    tidied = true;
    return 'tidied';
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  const leaveAgain = await enter(bench.store());
  expect(tidied).toBe(true);
  leaveAgain();
  expect(await tidying).toBe('tidied');
});

test('the temporary folders of dead processes are swept, those of living ones are not', async () => {
  const { bench } = await fill(1);
  const [dead, living] = [new Store(bench.store().paths.root), new Store(bench.store().paths.root)];
  const folders = [dead.temporary('half-done'), living.temporary('at-work')] as const;
  const release = await claim(living.paths.root, living.session);
  await sweep(bench.store());
  expect(folders.map((folder) => existsSync(folder))).toEqual([false, true]);
  release?.();
});

test('a store that cannot be made is a clear failure, also below /proc', async () => {
  await expect(enter(new Store('/proc/pibuild-store'))).rejects.toThrow('no store can be made at /proc/pibuild-store');
});
