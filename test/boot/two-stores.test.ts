import { cpSync, lchownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Builder, type BuildOptions, build } from '../../src/build/builder.ts';
import type { Event } from '../../src/build/event.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { unwrap } from '../../src/diagnostic.ts';
import { createGraph, inOrder } from '../../src/graph/graph.ts';
import type { Input, Task, TaskGraph, TaskId } from '../../src/graph/task.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { planBoard } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { checkout, sharedStore } from '../helpers/tools.ts';

const BOARD = 'rpi3-minimal';
const root = process.getuid?.() === 0;
const NOBODY = 65534;

function optionsIn(store: string, epoch: number): BuildOptions & { events: Event[] } {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-two-'));
  const events: Event[] = [];
  return {
    store: new Store(store),
    kinds: taskKinds,
    epoch,
    emit: (event) => events.push(event),
    events,
    signal: new AbortController().signal,
    logs: join(folder, 'logs'),
    failed: (id) => join(folder, 'failed', id),
    history: new History(join(folder, 'history.json')),
    times: new Times(join(folder, 'times.json')),
  };
}

/** Artifacts as files in a folder that any user can read. */
function copier(builder: Builder, folder: string): (input: Extract<Input, { from: 'task' }>) => Promise<Input> {
  const copies = new Map<string, string>();
  return async (input) => {
    const name = `${input.task}.${input.artifact}`.replaceAll('/', '+');
    const path = copies.get(name) ?? join(folder, name);
    if (!copies.has(name)) cpSync(await builder.path(input), path, { recursive: true, preserveTimestamps: true });
    copies.set(name, path);
    return { from: 'project', path };
  };
}

/**
 * The board's own tasks and the tools trees that they need, with what packages compiled and what was downloaded given as
 * files.
 */
async function imageTasks(graph: TaskGraph, given: ReturnType<typeof copier>): Promise<TaskGraph> {
  const own = (id: string): boolean =>
    id.startsWith(`${BOARD}:`) || (id.startsWith('tools/') && !id.endsWith(':fetch'));
  const tasks: Task[] = [];
  const add = async (id: TaskId): Promise<void> => {
    const task = graph.tasks.get(id);
    if (!task || tasks.some((each) => each.id === id)) return;
    const inputs: Record<string, Input> = {};
    for (const [name, input] of Object.entries(task.inputs)) {
      inputs[name] = input.from === 'task' && !own(input.task) ? await given(input) : input;
    }
    tasks.push({ ...task, inputs });
    for (const input of [...Object.values(inputs), ...(task.tools ? [task.tools] : [])]) {
      if (input.from === 'task') await add(input.task);
    }
  };
  for (const target of graph.targets) await add(target);
  if (graph.sandbox) await add(graph.sandbox.task);
  return unwrap(createGraph(tasks, graph.targets, graph.sandbox));
}

/** Builds into an empty store, which is gone afterwards: every task's identity and artifacts. */
async function buildEmpty(graph: TaskGraph, store: string, epoch: number, jobs: number) {
  const options = optionsIn(store, epoch);
  const result = await build(graph, graph.targets, { ...options, jobs });
  expect(result.diagnostics).toEqual([]);
  expect(result.ran).toBe(inOrder(graph, graph.targets).length);
  const ended = options.events.flatMap((event) => (event.type === 'task-finished' ? [event] : []));
  const files = readdirSync(options.logs);
  rmSync(store, { recursive: true });
  return {
    artifacts: Object.fromEntries([...result.artifacts].sort()),
    fingerprints: Object.fromEntries(ended.map(({ task, fingerprint }) => [task, fingerprint] as const).sort()),
    logs: files.length,
  };
}

/** From here on the process, and all it starts, is another user's and looks different in other ways. */
function becomeAnother(folder: string): void {
  process.umask(0o077);
  Object.assign(process.env, { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8', HOME: '/nowhere' });
  if (!root) return;
  const give = (path: string): void => {
    lchownSync(path, NOBODY, NOBODY);
    if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) give(join(path, name));
  };
  give(folder);
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}

/**
 * Everything that must not matter differs between the two: the store, the folder of the recipes, how many jobs there are,
 * the user (where the test is run by root), the umask, the environment, and the second in which each file is written.
 * That a task sees no other day cannot be shown without changing the clock of this machine, which namespaces do not
 * cover; but what is dated by the clock is dated by its seconds.
 */
test(`the image tasks of a board have the same identity and give the same bytes, whatever differs around them${root ? ', the user too' : ''}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-given-'));
  const elsewhere = join(folder, 'Büro, mit Leerzeichen');
  const [given, recipes] = [join(folder, 'given'), join(elsewhere, 'recipes')];
  mkdirSync(given);
  for (const name of ['boards', 'packages', 'overlays']) {
    cpSync(join(checkout, name), join(recipes, name), { recursive: true, verbatimSymlinks: true });
  }
  const project = loadProject({ folder: checkout, installation: checkout, kinds: packageKinds });
  const copy = loadProject({ folder: recipes, installation: recipes, kinds: packageKinds });
  const { graph, image } = planBoard(project, BOARD);
  const shared = optionsIn(sharedStore, project.epoch);
  expect((await build(graph, graph.targets, shared)).diagnostics).toEqual([]);
  const builder = new Builder(graph, shared);
  const giver = copier(builder, given);
  const [here, there] = [await imageTasks(graph, giver), await imageTasks(planBoard(copy, BOARD).graph, giver)];
  await builder.close();

  const one = await buildEmpty(here, mkdtempSync(join(tmpdir(), 'pibuild-empty-')), project.epoch, 1);
  becomeAnother(folder);
  const two = await buildEmpty(there, join(elsewhere, 'store'), project.epoch, 4);
  rmSync(folder, { recursive: true });

  expect(two).toEqual(one);
  expect(Object.keys(one.artifacts).length).toBeGreaterThan(8);
  expect(one.artifacts[image.image.task]?.[image.image.artifact]?.digest.size).toBe(256 * 1024 * 1024);
});
