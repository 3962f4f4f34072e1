import type { BuildOptions } from '../build/builder.ts';
import type { Emit } from '../build/event.ts';
import { History } from '../build/history.ts';
import { Store } from '../build/store.ts';
import { Times } from '../build/times.ts';
import { digestOf } from '../graph/reapi.ts';
import { packageKinds, taskKinds } from '../kinds/index.ts';
import { installation, ProjectPaths } from '../paths.ts';
import { loadProject } from '../recipe/load.ts';
import type { Project } from '../recipe/model.ts';
import type { Context } from './context.ts';
import { openMemo } from './memo-file.ts';

/** The project around the working folder, or the one that `--project` names. */
export function openProject(context: Context): Project {
  const file = context.store.recipes(digestOf(context.folder).hash.slice(0, 16));
  return loadProject({ folder: context.folder, installation, kinds: packageKinds, memo: openMemo(file) });
}

/**
 * What the builder is given by a verb. `name` is what the logs and the history are kept under: a board, or a verb that
 * builds for itself.
 */
export function buildOptions(context: Context, project: Project, name: string, emit: Emit): BuildOptions {
  const store = new Store(context.store.root, (entry) => emit({ type: 'store-damaged', at: Date.now(), entry }));
  const { jobs, keepGoing, offline } = context.options;
  const key = digestOf(project.root).hash.slice(0, 16);
  return {
    store,
    kinds: taskKinds,
    epoch: project.epoch,
    emit,
    signal: context.signal,
    logs: new ProjectPaths(project.root).logs(name),
    failed: (task) => context.store.failed(key, `${name}.${task}`),
    history: new History(context.store.history(key, name)),
    times: new Times(context.store.times),
    keepGoing,
    offline,
    ...(jobs !== undefined && { jobs }),
  };
}
