import { dependencies } from '../graph/graph.ts';
import type { Task, TaskId } from '../graph/task.ts';
import type { Builder, BuildOptions } from './builder.ts';
import type { Reason } from './event.ts';
import { reasonsOf } from './reasons.ts';

/** Why a task would run or not, as things are now. */
export interface Explanation {
  readonly task: TaskId;
  /** `waits`: whether it runs is known only after the tasks in `after` ran. */
  readonly state: 'stored' | 'runs' | 'waits';
  readonly reasons: readonly Reason[];
  readonly after: readonly TaskId[];
}

/** Explains tasks, which are in order. The builder must be a dry one. */
export async function explain(
  tasks: readonly Task[],
  builder: Builder,
  options: Pick<BuildOptions, 'history' | 'kinds' | 'store' | 'recipes' | 'folder'>,
): Promise<Explanation[]> {
  const byId = new Map<string, Task>(tasks.map((task) => [task.id, task]));
  const evidence = { options, taskOf: (id: string) => byId.get(id) };
  const explanations = new Map<TaskId, Explanation>();
  for (const task of tasks) {
    const { id } = task;
    // Of a download the result is known beforehand: it happens when a task that runs needs its bytes.
    if (options.kinds.get(task.kind)?.known) continue;
    const after = dependencies(task).filter((each) => (explanations.get(each)?.state ?? 'stored') !== 'stored');
    const identity = after.length > 0 ? undefined : await builder.identify(id);
    if (!identity) explanations.set(id, { task: id, state: 'waits', reasons: [], after });
    else if (identity.stored) explanations.set(id, { task: id, state: 'stored', reasons: [], after: [] });
    else {
      const reasons = await reasonsOf(task, options.history.last(task), identity.record, evidence);
      explanations.set(id, { task: id, state: 'runs', reasons, after: [] });
    }
  }
  return [...explanations.values()];
}
