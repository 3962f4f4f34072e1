import { Builder, type BuildOptions } from '../build/builder.ts';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import { inOrder } from '../graph/graph.ts';
import type { TaskGraph, TaskId } from '../graph/task.ts';

/**
 * Runs tasks that were built once more, one after the other, and compares what they leave with what the store has.
 * Downloads, whose result is known beforehand, are passed over. Returns how many were checked.
 *
 * @throws Failure `check/differs` for each artifact that came out different, with the first place where it does
 */
export async function checkTasks(graph: TaskGraph, targets: readonly TaskId[], options: BuildOptions): Promise<number> {
  const builder = new Builder(graph, options);
  const problems: Diagnostic[] = [];
  const known = (id: TaskId): boolean => options.kinds.get(graph.tasks.get(id)?.kind ?? '')?.known !== undefined;
  const tasks = targets.filter((id) => !known(id));
  const total = inOrder(graph, tasks).length + tasks.length;
  options.emit({ type: 'build-started', at: Date.now(), targets: tasks, tasks: total });
  try {
    for (const id of tasks) {
      for (const { artifact, where } of await builder.check(id)) {
        const message = `${id} does not do the same thing twice: '${artifact}' differs`;
        problems.push({ severity: 'error', code: 'check/differs', message, notes: [{ message: where }] });
      }
    }
  } finally {
    await builder.close();
  }
  if (problems.length > 0) throw new Failure(...problems);
  return tasks.length;
}
