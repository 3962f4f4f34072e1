import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BuildOptions, type BuildResult, build } from '../../src/build/builder.ts';
import type { Event } from '../../src/build/event.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { unwrap } from '../../src/diagnostic.ts';
import { createGraph } from '../../src/graph/graph.ts';
import type { Task } from '../../src/graph/task.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import type { ArtifactRef, Provides } from '../../src/kinds/kind.ts';
import { storeRoot } from '../../src/paths.ts';
import { planPackages } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';

/** pibuild's own folder, whose recipes the system tests build for real. */
export const checkout = resolve(import.meta.dirname, '../..');

/** The store that system and boot tests share with a person's own builds: what is there is not built again. */
export const sharedStore = storeRoot(process.env, checkout);

/**
 * Builds tasks for real with pibuild's own packages: `make` gets a package's provisions and gives the tasks to add and
 * the one to build. `folder` is of a project with further ones. Events are collected; artifacts are found by `path`.
 */
export async function buildWith(
  packages: readonly string[],
  make: (provides: (name: string) => Provides) => { tasks: readonly Task[]; target: string },
  { folder: own = checkout, ...more }: Partial<BuildOptions> & { folder?: string } = {},
): Promise<BuildResult & { events: Event[]; store: Store; output(task: string, artifact: string): Promise<string> }> {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-system-'));
  const project = loadProject({ folder: own, installation: checkout, kinds: packageKinds });
  const { graph, provides } = planPackages(project, packages);
  const { tasks, target } = make((name) => {
    const provided = provides.get(name);
    if (!provided) throw new Error(`${name} was not planned`);
    return provided;
  });
  const all = unwrap(createGraph([...graph.tasks.values(), ...tasks], [target as Task['id']], graph.sandbox));
  const events: Event[] = [];
  const store = new Store(sharedStore);
  const result = await build(all, all.targets, {
    store,
    kinds: taskKinds,
    epoch: project.epoch,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    logs: join(folder, 'logs'),
    failed: (id) => join(folder, 'failed', id),
    history: new History(join(folder, 'history.json')),
    times: new Times(join(folder, 'times.json')),
    ...more,
  });
  const output = async (task: string, artifact: string): Promise<string> => {
    const found = result.artifacts.get(task as Task['id'])?.[artifact];
    const path =
      found && (found.type === 'tree' ? store.paths.tree(found.digest.hash) : await store.blob(found.digest));
    if (path === undefined) throw new Error(`${task} left no ${artifact}: ${JSON.stringify(result.diagnostics)}`);
    return path;
  };
  return { ...result, events, store, output };
}

/** The tools tree of a package. */
export function toolsOf(provides: Provides): ArtifactRef {
  if (!provides.tools) throw new Error('no tools tree');
  return provides.tools;
}
