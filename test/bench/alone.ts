import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Builder } from '../../src/build/builder.ts';
import { run } from '../../src/build/command.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import type { TaskId } from '../../src/graph/task.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { installation } from '../../src/paths.ts';
import { planBoard } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { warmStore } from './process.ts';
import { withFolder } from './project.ts';

/**
 * What the commands of tasks take without pibuild around them: their scripts in their sandboxes, with all that they need
 * laid out beforehand. Milliseconds in all. The tasks' inputs must be in the store.
 */
export async function alone(folder: string, board: string, tasks: readonly string[]): Promise<number> {
  const project = loadProject({ folder, installation, kinds: packageKinds });
  const { graph } = planBoard(project, board);
  const store = new Store(warmStore);
  const { signal } = new AbortController();
  return withFolder(async (own) => {
    const builder = new Builder(graph, {
      store,
      kinds: taskKinds,
      epoch: project.epoch,
      emit: () => {},
      signal,
      logs: join(own, 'logs'),
      failed: (id) => join(own, 'failed', id),
      history: new History(join(own, 'history.json')),
      times: new Times(join(own, 'times.json')),
    });
    const result = await builder.build(tasks as TaskId[]);
    if (!result.ok) throw new Error(`${tasks.join(', ')} cannot be built`);
    let took = 0;
    for (const task of tasks) {
      // On the store's filesystem, as when pibuild runs it: inputs are links.
      const scratch = store.temporary(`bench-${randomBytes(4).toString('hex')}`);
      const { argv } = await builder.stage(task as TaskId, scratch);
      const start = performance.now();
      const ended = await run({ argv, signal, tied: true });
      took += performance.now() - start;
      if (ended.code !== 0) throw new Error(`${task} alone ended with ${ended.code}`);
      await store.discard(scratch);
    }
    await builder.close();
    return took;
  });
}
