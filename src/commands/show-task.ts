import { commandEnvironment, scriptArguments } from '../build/action.ts';
import { Builder } from '../build/builder.ts';
import { didYouMean, Failure, fail } from '../diagnostic.ts';
import type { Input, Task, TaskGraph, TaskId } from '../graph/task.ts';
import { taskKinds } from '../kinds/index.ts';
import { planBoard, planPackages } from '../plan.ts';
import type { Project } from '../recipe/model.ts';
import type { Context } from './context.ts';
import { buildOptions } from './session.ts';

/** A task for people: what it reads, runs and leaves, and the digest of its Action. */
export async function showTask(
  context: Context,
  project: Project,
  id: string,
  board: string | undefined,
): Promise<Record<string, unknown>> {
  const { task, graph } = findTask(project, id, board);
  const builder = new Builder(
    graph,
    buildOptions(context, project, 'show', () => {}),
  );
  try {
    const identity = await builder.identify(task.id);
    const action = identity && `${identity.record.fingerprint}, ${identity.stored ? 'in the store' : 'not built yet'}`;
    return taskView(task, project.epoch, action ?? 'not known before its inputs are built');
  } finally {
    await builder.close();
  }
}

/** `epoch`: of the project; `action`: what is known of the digest of the task's Action. */
export function taskView(task: Task, epoch: number, action: string): Record<string, unknown> {
  const { id, title, kind, pool, tools, inputs, outputs, params } = task;
  const named = Object.entries(inputs).map(([name, input]) => [name, inputText(input)]);
  return {
    task: id,
    title,
    kind,
    action,
    ...(pool && { pool }),
    tools: tools === undefined ? 'none: pibuild itself does it' : inputText(tools),
    inputs: Object.fromEntries(named),
    outputs,
    ...(typeof params === 'object' && !Array.isArray(params) ? params : { params }),
    ...commandOf(task, epoch),
  };
}

/** What a sandboxed task runs, and all of the environment that it finds. */
function commandOf({ kind, params }: Task, epoch: number): Record<string, unknown> {
  const spec = taskKinds.get(kind)?.command?.(params as never);
  return spec === undefined ? {} : { argv: scriptArguments, env: commandEnvironment(spec, epoch) };
}

function inputText(input: Input): string {
  if (input.from === 'task') return `${input.artifact} of ${input.task}`;
  if (input.from === 'project') return input.path;
  return input.text;
}

/**
 * A task by its id: of the board it names or `--board` names, else of the first board that has it. What a tools tree is
 * made of needs no board.
 */
function findTask(project: Project, id: string, named: string | undefined): { task: Task; graph: TaskGraph } {
  const owner = id.slice(0, id.lastIndexOf(':'));
  const boards = project.names('boards');
  const candidates = named !== undefined ? [named] : boards.includes(owner) ? [owner] : boards;
  const known = new Set<string>();
  const failures: Failure[] = [];
  for (const plan of [
    ...candidates.map((board) => () => planBoard(project, board)),
    () => planPackages(project, [owner]),
  ]) {
    try {
      const { graph } = plan();
      const task = graph.tasks.get(id as TaskId);
      if (task !== undefined) return { task, graph };
      for (const other of graph.tasks.keys()) known.add(other);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
    }
  }
  if (known.size === 0 && failures[0] !== undefined) throw failures[0];
  throw fail('graph/unknown-task', `there is no task '${id}'`, didYouMean(id, known));
}
