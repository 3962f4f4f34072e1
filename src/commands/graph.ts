import { didYouMean, fail, unwrap } from '../diagnostic.ts';
import { dependencies, findTask, inOrder } from '../graph/graph.ts';
import type { Task, TaskGraph, TaskId } from '../graph/task.ts';
import { planBoard } from '../plan.ts';
import type { Context } from './context.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** Prints the tasks that a board becomes, or one of them with what it needs. Runs nothing and reads no store. */
export async function run(context: Context, call: Call<{ format?: string }>): Promise<number> {
  const [board = '', name] = call.arguments;
  const format = call.options.format ?? (context.options.json ? 'json' : 'text');
  const { graph } = planBoard(openProject(context), board);
  const targets = name === undefined ? graph.targets : [unwrap(findTask(graph, name)).id];
  context.stdout.write(formatGraph(graph, targets, format));
  return exitCodes.ok;
}

const FORMATS: Readonly<Record<string, (graph: TaskGraph, targets: readonly TaskId[]) => string>> = {
  text: formatTree,
  dot: formatDot,
  mermaid: formatMermaid,
  json: formatJson,
};

/** The tasks that targets need, as text. Throws a `Failure` for an unknown format. */
export function formatGraph(graph: TaskGraph, targets: readonly TaskId[], format: string): string {
  const known = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (known === undefined)
    throw fail('cli/usage', `there is no format '${format}'`, didYouMean(format, Object.keys(FORMATS)));
  return known(graph, targets);
}

/** Each task below what needs it. One that several need is drawn once in full, then marked with `^`. */
function formatTree(graph: TaskGraph, targets: readonly TaskId[]): string {
  const drawn = new Set<TaskId>();
  const lines: string[] = [];
  const draw = (id: TaskId, indent: string, isLast: boolean, isRoot: boolean) => {
    const task = taskOf(graph, id);
    const needs = inputsFirst(task);
    const again = drawn.has(id) && needs.length > 0;
    const branch = isRoot ? '' : isLast ? '└─ ' : '├─ ';
    lines.push(`${indent}${branch}${id}${again ? ' ^' : `  ${task.title}`}`);
    drawn.add(id);
    if (again) return;
    const inner = isRoot ? indent : `${indent}${isLast ? '   ' : '│  '}`;
    for (const [index, need] of needs.entries()) draw(need, inner, index === needs.length - 1, false);
  };
  for (const target of targets) draw(target, '', true, true);
  const all = inOrder(graph, targets).length;
  return `${lines.join('\n')}\n\n${all} tasks; ^ is drawn in full above\n`;
}

/** What a task is made of before the tools it is made with, which are the same for most. */
function inputsFirst(task: Task): TaskId[] {
  const ids = dependencies(task);
  const tools = task.tools?.task;
  return tools === undefined ? ids : [...ids.filter((id) => id !== tools), tools];
}

function formatDot(graph: TaskGraph, targets: readonly TaskId[]): string {
  const tasks = inOrder(graph, targets);
  const nodes = tasks.map(({ id, title, tools }) => {
    return `  ${quoted(id)} [label=${quoted(`${id}\n${title}`)}${tools === undefined ? ', style=dashed' : ''}];`;
  });
  const edges = edgesOf(tasks).map(([from, to]) => `  ${quoted(from)} -> ${quoted(to)};`);
  return `digraph pibuild {\n  rankdir=LR;\n  node [shape=box];\n${[...nodes, ...edges].join('\n')}\n}\n`;
}

function formatMermaid(graph: TaskGraph, targets: readonly TaskId[]): string {
  const tasks = inOrder(graph, targets);
  const numbers = new Map(tasks.map(({ id }, index) => [id, `t${index}`]));
  const nodes = tasks.map(({ id, title }) => `  ${numbers.get(id)}["${id}<br>${title.replaceAll('"', '&quot;')}"]`);
  const edges = edgesOf(tasks).map(([from, to]) => `  ${numbers.get(from)} --> ${numbers.get(to)}`);
  return `flowchart LR\n${[...nodes, ...edges].join('\n')}\n`;
}

function formatJson(graph: TaskGraph, targets: readonly TaskId[]): string {
  const tasks = inOrder(graph, targets).map((task) => {
    const { id, title, kind, pool, outputs } = task;
    return { id, title, kind, ...(pool && { pool }), outputs, needs: dependencies(task) };
  });
  return `${JSON.stringify({ targets, tasks })}\n`;
}

/** From what is needed to what needs it: the way of the data. */
function edgesOf(tasks: readonly Task[]): [TaskId, TaskId][] {
  return tasks.flatMap((task) => dependencies(task).map((need): [TaskId, TaskId] => [need, task.id]));
}

function taskOf(graph: TaskGraph, id: TaskId): Task {
  const task = graph.tasks.get(id);
  if (task === undefined) throw new Error(`the graph has no task '${id}'`);
  return task;
}

/** A string of Graphviz' dot language. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
