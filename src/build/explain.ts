import { relative } from 'node:path';
import { dependencies } from '../graph/graph.ts';
import type { Task, TaskId } from '../graph/task.ts';
import type { Builder, BuildOptions } from './builder.ts';
import { differences } from './history.ts';

/** Why a task would run or not, as things are now. */
export interface Explanation {
  readonly task: TaskId;
  /** `waits`: whether it runs is known only after the tasks in `reasons` ran. */
  readonly state: 'stored' | 'runs' | 'waits';
  readonly reasons: readonly string[];
}

/** Explains tasks, which are in order. The builder must be a dry one. */
export async function explain(
  tasks: readonly Task[],
  builder: Builder,
  { history, kinds }: Pick<BuildOptions, 'history' | 'kinds'>,
): Promise<Explanation[]> {
  const explanations = new Map<TaskId, Explanation>();
  for (const task of tasks) {
    // Of a download the result is known beforehand: it happens when a task that runs needs its bytes.
    if (kinds.get(task.kind)?.known) continue;
    const pending = dependencies(task).filter((id) => (explanations.get(id)?.state ?? 'stored') !== 'stored');
    const identity = pending.length > 0 ? undefined : await builder.identify(task.id);
    if (!identity) explanations.set(task.id, { task: task.id, state: 'waits', reasons: pending });
    else if (identity.stored) explanations.set(task.id, { task: task.id, state: 'stored', reasons: [] });
    else {
      const before = history.last(task);
      const changes = before ? differences(before, identity.record) : ['never built here'];
      const reasons = changes.length > 0 ? changes : ['its result is not in the store'];
      explanations.set(task.id, {
        task: task.id,
        state: 'runs',
        reasons: reasons.map((reason) => placed(reason, task)),
      });
    }
  }
  return [...explanations.values()];
}

/** Adds to a phrase about an input the file it is, and the recipe line that asked for it. */
function placed(reason: string, task: Task): string {
  const name = /^input '(.*)'/.exec(reason)?.[1];
  const input = name === undefined ? undefined : task.inputs[name];
  if (input?.from === 'project') {
    const asked = input.origin === undefined ? '' : `, asked for at ${input.origin}`;
    return `${reason} (${relative(process.cwd(), input.path)}${asked})`;
  }
  return input?.from === 'task' ? `${reason} (made by ${input.task})` : reason;
}
