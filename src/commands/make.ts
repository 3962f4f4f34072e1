import { build } from '../build/builder.ts';
import { Failure, unwrap } from '../diagnostic.ts';
import { findTask, inOrder } from '../graph/graph.ts';
import type { TaskGraph, TaskId } from '../graph/task.ts';
import { planBoard } from '../plan.ts';
import type { Project } from '../recipe/model.ts';
import { count, table } from '../report/format.ts';
import { checkTasks } from './check.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { leaveResults } from './results.ts';
import { buildOptions, openProject } from './session.ts';
import { lockVanished, watchVanished } from './vanished.ts';
import { type Call, exitCodes } from './verb.ts';

/** Builds a board's image and leaves it in `output/<board>/`, or only the tasks named. */
export async function run(context: Context, call: Call<{ check?: boolean }>): Promise<number> {
  const [name, ...tasks] = call.arguments;
  if (name === undefined) return listBoards(context, openProject(context));
  const relocked = new Set<string>();
  for (;;) {
    const before = relocked.size;
    if (await make(context, name, tasks, relocked, call.options.check ?? false)) return exitCodes.ok;
    if (relocked.size === before) return exitCodes.failed;
  }
}

/**
 * One build, and if asked for a check of what it came to. When it fails for files that are gone from everywhere, their
 * packages are locked anew, each once.
 */
async function make(
  context: Context,
  name: string,
  tasks: readonly string[],
  relocked: Set<string>,
  checking: boolean,
): Promise<boolean> {
  const project = openProject(context);
  const plan = planBoard(project, name);
  const targets = targetsOf(plan.graph, tasks);
  const reporter = openReporter(context, name);
  const vanished = watchVanished(reporter.emit);
  try {
    const options = buildOptions(context, project, name, vanished.emit);
    const result = await build(plan.graph, targets, options);
    if (result.ok && tasks.length === 0) await leaveResults(options.store, project, plan, result, reporter.emit);
    const again = [...vanished.packages].filter((each) => !relocked.has(each));
    for (const each of await lockVanished(context, project, again, reporter.emit)) relocked.add(each);
    if (!result.ok || !checking) return result.ok;
    // Without tasks, everything that the image is made of; with some, those alone.
    const chosen = tasks.length > 0 ? targets : inOrder(plan.graph, targets).map(({ id }) => id);
    const checked = await checkTasks(plan.graph, chosen, buildOptions(context, project, name, reporter.emit));
    reporter.close();
    if (!context.options.json) {
      context.stdout.write(`${count(checked, 'task')} checked: each did the same thing twice\n`);
    }
    return true;
  } finally {
    reporter.close();
  }
}

function targetsOf(graph: TaskGraph, tasks: readonly string[]): readonly TaskId[] {
  return tasks.length > 0 ? tasks.map((task) => unwrap(findTask(graph, task)).id) : graph.targets;
}

/** Without a board: which there are, with what is wrong with those that cannot be read. */
function listBoards(context: Context, project: Project): number {
  const rows = project.names('boards').flatMap((name) => {
    const summary = summaryOf(project, name);
    return summary === undefined ? [] : [['  ', name, summary]];
  });
  const none = 'there is no board yet: make a folder below boards/ with a board.yaml';
  const text = rows.length === 0 ? none : ['which board?', ...table(rows)].join('\n');
  context.stderr.write(`${text}\n`);
  return exitCodes.usage;
}

/** Undefined: it is no board by itself. */
function summaryOf(project: Project, name: string): string | undefined {
  try {
    const { abstract, summary } = project.board(name);
    return abstract ? undefined : summary;
  } catch (error) {
    if (error instanceof Failure) return `(${error.diagnostics[0]?.message})`;
    throw error;
  }
}
