import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Builder, type BuildOptions, type BuildResult, build } from '../../src/build/builder.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { unwrap } from '../../src/diagnostic.ts';
import { createGraph } from '../../src/graph/graph.ts';
import type { Input, Task, TaskGraph } from '../../src/graph/task.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { planBoard } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { checkout, sharedStore } from '../helpers/tools.ts';

const BOARD = 'rpi3-minimal';

function optionsIn(store: string, epoch: number): BuildOptions {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-two-'));
  return {
    store: new Store(store),
    kinds: taskKinds,
    epoch,
    emit: () => {},
    signal: new AbortController().signal,
    logs: join(folder, 'logs'),
    failed: (id) => join(folder, 'failed', id),
    history: new History(join(folder, 'history.json')),
    times: new Times(join(folder, 'times.json')),
  };
}

/**
 * The board's own tasks and the tools trees, with what packages compiled given as files: the artifacts that the shared
 * store has.
 */
async function imageTasks(graph: TaskGraph, builder: Builder): Promise<TaskGraph> {
  const own = (id: string): boolean => id.startsWith(`${BOARD}:`) || id.startsWith('tools/');
  const given = async (input: Input): Promise<Input> =>
    input.from === 'task' && !own(input.task) ? { from: 'project', path: await builder.path(input) } : input;
  const tasks: Task[] = [];
  for (const task of graph.tasks.values()) {
    if (!own(task.id)) continue;
    const inputs: Record<string, Input> = {};
    for (const [name, input] of Object.entries(task.inputs)) inputs[name] = await given(input);
    tasks.push({ ...task, inputs });
  }
  return unwrap(createGraph(tasks, graph.targets, graph.sandbox));
}

test('the image tasks of a board give the same bytes in two empty stores, with one job and with four', async () => {
  const project = loadProject({ folder: checkout, installation: checkout, kinds: packageKinds });
  const { graph, image } = planBoard(project, BOARD);
  const shared = optionsIn(sharedStore, project.epoch);
  expect((await build(graph, graph.targets, shared)).diagnostics).toEqual([]);
  const builder = new Builder(graph, shared);
  const tasks = await imageTasks(graph, builder);
  await builder.close();

  const results: BuildResult[] = [];
  for (const jobs of [1, 4]) {
    const store = mkdtempSync(join(tmpdir(), 'pibuild-empty-'));
    const result = await build(tasks, tasks.targets, { ...optionsIn(store, project.epoch), jobs });
    expect(result.diagnostics).toEqual([]);
    expect(result.ran).toBeGreaterThan(10);
    results.push(result);
    rmSync(store, { recursive: true });
  }
  const [one, two] = results.map(({ artifacts }) => Object.fromEntries(artifacts));
  expect(two).toEqual(one);
  expect(one?.[image.image.task]?.[image.image.artifact]?.digest.size).toBe(256 * 1024 * 1024);
});
