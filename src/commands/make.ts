import { build } from '../build/builder.ts';
import { Failure, unwrap } from '../diagnostic.ts';
import { findTask } from '../graph/graph.ts';
import { planBoard } from '../plan.ts';
import type { Project } from '../recipe/model.ts';
import { table } from '../report/format.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { leaveResults } from './results.ts';
import { buildOptions, openProject } from './session.ts';
import { lockVanished, watchVanished } from './vanished.ts';
import { type Call, exitCodes } from './verb.ts';

/** Builds a board's image and leaves it in `output/<board>/`, or only the tasks named. */
export async function run(context: Context, call: Call): Promise<number> {
  const [name, ...tasks] = call.arguments;
  if (name === undefined) return listBoards(context, openProject(context));
  const relocked = new Set<string>();
  for (;;) {
    const before = relocked.size;
    const ok = await make(context, name, tasks, relocked);
    if (ok) return exitCodes.ok;
    if (relocked.size === before) return exitCodes.failed;
  }
}

/** One build. When it fails for files that are gone from everywhere, their packages are locked anew, each once. */
async function make(context: Context, name: string, tasks: readonly string[], relocked: Set<string>): Promise<boolean> {
  const project = openProject(context);
  const plan = planBoard(project, name);
  const targets = tasks.length > 0 ? tasks.map((task) => unwrap(findTask(plan.graph, task)).id) : plan.graph.targets;
  const reporter = openReporter(context, name);
  const vanished = watchVanished(reporter.emit);
  try {
    const result = await build(plan.graph, targets, buildOptions(context, project, name, vanished.emit));
    if (result.ok && tasks.length === 0) await leaveResults(context, project, plan, result, reporter.emit);
    const again = [...vanished.packages].filter((each) => !relocked.has(each));
    for (const each of await lockVanished(context, project, again, reporter.emit)) relocked.add(each);
    return result.ok;
  } finally {
    reporter.close();
  }
}

/** Without a board: which there are, with what is wrong with those that cannot be read. */
function listBoards(context: Context, project: Project): number {
  const rows = project.names('boards').map((name) => ['  ', name, summaryOf(project, name)]);
  const none = 'there is no board yet: make a folder below boards/ with a board.yaml';
  const text = rows.length === 0 ? none : ['which board?', ...table(rows)].join('\n');
  context.stderr.write(`${text}\n`);
  return exitCodes.usage;
}

function summaryOf(project: Project, name: string): string {
  try {
    return project.board(name).summary;
  } catch (error) {
    if (error instanceof Failure) return `(${error.diagnostics[0]?.message})`;
    throw error;
  }
}
