import { type Diagnostic, didYouMean, failure, type Result, success } from '../diagnostic.ts';
import type { Task, TaskGraph, TaskId } from './task.ts';

/** Makes a graph of tasks, or says what is wrong with it: an id used for two different tasks, an input that nobody makes, a cycle. */
export function createGraph(
  tasks: Iterable<Task>,
  targets: readonly TaskId[],
  sandbox?: TaskGraph['sandbox'],
): Result<TaskGraph> {
  const byId = new Map<TaskId, Task>();
  const problems: Diagnostic[] = [];
  for (const task of tasks) {
    const twin = byId.get(task.id);
    if (twin && JSON.stringify(twin) !== JSON.stringify(task)) problems.push(twoMeanings(task));
    byId.set(task.id, task);
  }
  for (const task of byId.values()) problems.push(...danglingInputs(task, byId));
  for (const target of targets) if (!byId.has(target)) problems.push(unknownTask(target, byId));
  if (problems.length > 0) return failure(...problems);
  const cycle = findCycle(byId);
  return cycle ? failure(cycleDiagnostic(cycle)) : success({ tasks: byId, targets, ...(sandbox && { sandbox }) });
}

/** The tasks that a task's inputs and tools name, each once. */
export function dependencies(task: Task): TaskId[] {
  const ids = new Set<TaskId>();
  if (task.tools) ids.add(task.tools.task);
  for (const input of Object.values(task.inputs)) if (input.from === 'task') ids.add(input.task);
  return [...ids];
}

/** A task by the name that a person typed: its id, or the start of it up to the colon when that is all there is. */
export function findTask(graph: TaskGraph, name: string): Result<Task> {
  const exact = graph.tasks.get(name as TaskId);
  return exact ? success(exact) : failure(unknownTask(name, graph.tasks));
}

/** Everything the targets need, each task after the ones it depends on. */
export function inOrder(graph: TaskGraph, targets: readonly TaskId[]): Task[] {
  const order = new Map<TaskId, Task>();
  const visit = (id: TaskId): void => {
    const task = graph.tasks.get(id);
    if (!task || order.has(id)) return;
    for (const dependency of dependencies(task)) visit(dependency);
    order.set(id, task);
  };
  for (const target of targets) visit(target);
  return [...order.values()];
}

function danglingInputs(task: Task, tasks: ReadonlyMap<TaskId, Task>): Diagnostic[] {
  const inputs = [...Object.values(task.inputs), ...(task.tools ? [task.tools] : [])];
  return inputs.flatMap((input) => {
    if (input.from !== 'task') return [];
    const maker = tasks.get(input.task);
    if (!maker) return [unknownTask(input.task, tasks, task.id)];
    if (input.artifact in maker.outputs) return [];
    const message = `task '${task.id}' wants the artifact '${input.artifact}' of '${input.task}', which it does not make`;
    return [problem('graph/unknown-artifact', message, didYouMean(input.artifact, Object.keys(maker.outputs)))];
  });
}

function unknownTask(name: string, tasks: ReadonlyMap<TaskId, Task>, askedBy?: TaskId): Diagnostic {
  const by = askedBy ? ` (needed by '${askedBy}')` : '';
  return problem('graph/unknown-task', `there is no task '${name}'${by}`, didYouMean(name, tasks.keys()));
}

function twoMeanings(task: Task): Diagnostic {
  return problem('graph/duplicate-task', `two different tasks have the id '${task.id}'`);
}

function cycleDiagnostic(cycle: readonly TaskId[]): Diagnostic {
  return problem('graph/cycle', `tasks depend on each other in a circle: ${cycle.join(' -> ')}`);
}

function problem(code: string, message: string, hint?: string): Diagnostic {
  return { severity: 'error', code, message, ...(hint !== undefined && { hint }) };
}

/** The ids along a cycle, the first one again at the end, or undefined. Iterative: graphs may be deep. */
function findCycle(tasks: ReadonlyMap<TaskId, Task>): TaskId[] | undefined {
  const done = new Set<TaskId>();
  for (const start of tasks.keys()) {
    const path: { id: TaskId; rest: TaskId[] }[] = [];
    const onPath = new Set<TaskId>();
    const enter = (id: TaskId): void => {
      const task = tasks.get(id);
      path.push({ id, rest: task ? dependencies(task) : [] });
      onPath.add(id);
    };
    if (!done.has(start)) enter(start);
    while (path.length > 0) {
      const top = path[path.length - 1] as { id: TaskId; rest: TaskId[] };
      const next = top.rest.pop();
      if (next === undefined) {
        path.pop();
        onPath.delete(top.id);
        done.add(top.id);
      } else if (onPath.has(next)) {
        return [...path.slice(path.findIndex((step) => step.id === next)).map((step) => step.id), next];
      } else if (!done.has(next)) {
        enter(next);
      }
    }
  }
  return undefined;
}
