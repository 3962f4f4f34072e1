import { join } from 'node:path';
import { Builder } from '../../src/build/builder.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import type { TaskId } from '../../src/graph/task.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { installation } from '../../src/paths.ts';
import { planBoard } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { withFolder } from './project.ts';

export type Staged = Awaited<ReturnType<Builder['stage']>>;

/**
 * Calls with the sandbox of a board's task, all that it needs laid out as when pibuild runs it. The task's inputs must be
 * in the store.
 */
export async function withStaged<T>(
  folder: string,
  board: string,
  storeFolder: string,
  task: string,
  use: (staged: Staged) => Promise<T>,
): Promise<T> {
  const project = loadProject({ folder, installation, kinds: packageKinds });
  const { graph } = planBoard(project, board);
  const store = new Store(storeFolder);
  return withFolder(async (own) => {
    const builder = new Builder(graph, {
      store,
      kinds: taskKinds,
      epoch: project.epoch,
      emit: () => {},
      signal: new AbortController().signal,
      logs: join(own, 'logs'),
      failed: (id) => join(own, 'failed', id),
      history: new History(join(own, 'history.json')),
      times: new Times(join(own, 'times.json')),
    });
    // On the store's filesystem, as when pibuild runs it: inputs are links.
    const scratch = store.temporary('bench');
    try {
      const { ok } = await builder.build([task as TaskId]);
      if (!ok) throw new Error(`${task} cannot be built`);
      return await use(await builder.stage(task as TaskId, scratch));
    } finally {
      await store.discard(scratch);
      await builder.close();
    }
  });
}
