import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Builder } from '../build/builder.ts';
import { didYouMean, fail } from '../diagnostic.ts';
import type { TaskId } from '../graph/task.ts';
import { parseConfig } from '../kconfig/config.ts';
import { changesBetween, lineOf, type SymbolChange } from '../kconfig/difference.ts';
import { checkKconfigKind } from '../kinds/check-kconfig.ts';
import { artifact } from '../kinds/command.ts';
import { planBoard } from '../plan.ts';
import type { Project } from '../recipe/model.ts';
import { count, table } from '../report/format.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** Prints the configuration of a kernel or program as a board has it, or what differs between two of them. */
export async function run(context: Context, call: Call<{ package?: string; fragment?: boolean }>): Promise<number> {
  const [first = '', ...others] = call.arguments;
  const names = first === 'diff' ? others : [first, ...others];
  const wanted = first === 'diff' ? 2 : 1;
  if (names.length !== wanted) throw fail('cli/arguments', usage(wanted), "see 'pibuild config --help'");
  const project = openProject(context);
  const texts: string[] = [];
  for (const name of names) {
    const text = await configOf(context, project, name, call.options.package);
    if (text === undefined) return exitCodes.failed;
    texts.push(text);
  }
  const [before = '', after] = texts;
  if (after === undefined) context.stdout.write(before);
  else tell(context, changesBetween(parseConfig(before), parseConfig(after)), call.options.fragment ?? false);
  return exitCodes.ok;
}

function usage(wanted: number): string {
  return wanted === 2 ? '`config diff` compares two boards or files' : '`config` prints that of one board';
}

/** The text of a .config file, or the checked configuration that a board's package is built from. */
async function configOf(
  context: Context,
  project: Project,
  name: string,
  pack: string | undefined,
): Promise<string | undefined> {
  const file = resolve(context.cwd, name);
  if (name.endsWith('config') && !project.names('boards').includes(name)) {
    if (!existsSync(file)) throw fail('config/no-file', `there is no file '${name}'`);
    return readFileSync(file, 'utf8');
  }
  const { graph, board } = planBoard(project, name);
  const owner = pack ?? board.kernel.package.value;
  const check = `${owner}:check` as TaskId;
  if (graph.tasks.get(check)?.kind !== checkKconfigKind.kind) {
    const tasks = [...graph.tasks.values()].filter(({ kind }) => kind === checkKconfigKind.kind);
    const known = tasks.map(({ id }) => id.replace(/:check$/, ''));
    const hint = didYouMean(owner, known) ?? `those that have: ${known.join(', ')}`;
    throw fail('config/no-configuration', `board '${name}' has no package '${owner}' with a configuration`, hint);
  }
  // What is printed is for other programs, too.
  const reporter = openReporter({ ...context, stdout: context.stderr }, name);
  const builder = new Builder(graph, buildOptions(context, project, name, reporter.emit));
  try {
    const { ok } = await builder.build([check]);
    return ok ? readFileSync(await builder.path(artifact(check, 'config')), 'utf8') : undefined;
  } finally {
    reporter.close();
    await builder.close();
  }
}

function tell({ stdout, options }: Context, changes: readonly SymbolChange[], asFragment: boolean): void {
  if (options.json) {
    for (const change of changes) stdout.write(`${JSON.stringify({ type: 'symbol', at: Date.now(), ...change })}\n`);
  } else if (asFragment) {
    for (const change of changes) stdout.write(`${lineOf(change)}\n`);
  } else {
    const rows = changes.map(({ symbol, before, after }) => [`CONFIG_${symbol}`, before, '->', after]);
    stdout.write(
      `${[...table(rows), changes.length === 0 ? 'no difference' : count(changes.length, 'difference')].join('\n')}\n`,
    );
  }
}
