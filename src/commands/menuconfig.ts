import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { Builder } from '../build/builder.ts';
import { attach } from '../build/command.ts';
import { type Sandbox, sandboxed } from '../build/sandbox.ts';
import { fail } from '../diagnostic.ts';
import type { TaskGraph, TaskId } from '../graph/task.ts';
import { parseConfig } from '../kconfig/config.ts';
import { addToFragment, askable, changesBetween, type SymbolChange } from '../kconfig/difference.ts';
import type { Values } from '../kconfig/expression.ts';
import { parseKconfig } from '../kconfig/language.ts';
import { type CheckKconfigParams, readArchive } from '../kinds/check-kconfig.ts';
import { artifact } from '../kinds/command.ts';
import { kconfigKind } from '../kinds/kconfig.ts';
import { kernelKind } from '../kinds/kernel.ts';
import type { ArtifactRef } from '../kinds/kind.ts';
import { menuScript } from '../kinds/menuconfig.ts';
import { ProjectPaths, workFolder } from '../paths.ts';
import { type BoardPlan, planBoard } from '../plan.ts';
import type { Board, Package, Project } from '../recipe/model.ts';
import { count } from '../report/format.ts';
import type { Context } from './context.ts';
import { DEFAULT_BOARD } from './module.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** The descriptions of terminals, which the menu reads. */
const TERMINALS = 'tools/terminal';
const TERMINFO = '/tmp/terminfo';

/**
 * Opens the menu of a package's configuration as the board has it, and writes down what was changed in it as a fragment.
 */
export async function run(context: Context, call: Call<{ board?: string; output?: string }>): Promise<number> {
  const [name = ''] = call.arguments;
  const { board: boardName = DEFAULT_BOARD, output } = call.options;
  if (!context.stdin.isTTY) throw fail('menuconfig/no-terminal', 'a menu needs a terminal, and this is none');
  const project = openProject(context);
  const plan = planBoard(project, boardName, [TERMINALS]);
  const configured = configuredBy(project.package(name), plan.graph);
  const fragment = fragmentOf(project, plan.board, configured, output && resolve(context.cwd, output));
  const reporter = openReporter(context, boardName);
  const options = buildOptions(context, project, boardName, reporter.emit);
  const builder = new Builder(plan.graph, options);
  const folder = options.store.temporary(`menuconfig-${name}`);
  try {
    const changes = await changedInMenu(context, builder, configured, terminalsOf(plan), folder, reporter.close);
    return changes === undefined ? exitCodes.failed : leaveFragment(context, fragment, changes);
  } finally {
    reporter.close();
    await builder.close();
    await options.store.discard(folder);
  }
}

/** A package with a configuration, and the tasks that it comes from. */
interface Configured {
  readonly pack: Package;
  readonly isKernel: boolean;
  readonly configure: TaskId;
  readonly check: TaskId;
  /** How its Kconfig files are read. */
  readonly kconfig: CheckKconfigParams;
}

/** A package of this board that has a configuration. */
function configuredBy(pack: Package, graph: TaskGraph): Configured {
  const isKernel = pack.kind === kernelKind.kind;
  if (!isKernel && pack.kind !== kconfigKind.kind) {
    const hint = 'kernels and packages of kind kconfig have one: linux, busybox';
    throw fail('menuconfig/no-configuration', `package '${pack.name}' is of kind ${pack.kind}: it has no menu`, hint);
  }
  const check = graph.tasks.get(`${pack.name}:check` as TaskId);
  if (check === undefined) {
    throw fail('menuconfig/not-on-board', `this board has no package '${pack.name}'`, 'name another one with --board');
  }
  const kconfig = check.params as CheckKconfigParams;
  return { pack, isKernel, configure: `${pack.name}:configure` as TaskId, check: check.id, kconfig };
}

function terminalsOf({ provides }: BoardPlan): ArtifactRef {
  const tools = provides.get(TERMINALS)?.tools;
  if (tools === undefined) throw fail('plan/no-tools', `package '${TERMINALS}' is no tools tree`);
  return tools;
}

/** What somebody changed in the menu; undefined when what it takes could not be built, or the menu failed. */
async function changedInMenu(
  context: Context,
  builder: Builder,
  { check, configure, isKernel, kconfig }: Configured,
  terminals: ArtifactRef,
  folder: string,
  beforeMenu: () => void,
): Promise<SymbolChange[] | undefined> {
  const { ok } = await builder.build([check, terminals.task]);
  if (!ok) return undefined;
  const before = await builder.path(artifact(check, 'config'));
  const { sandbox } = await builder.stage(configure, folder);
  const config = join(folder, 'work', CONFIG);
  writeFileSync(config, readFileSync(before));
  const descriptions = join(await builder.path(terminals), 'usr/share/terminfo');
  beforeMenu();
  if ((await openMenu(context, isKernel, sandbox, descriptions)) !== 0) return undefined;
  const files = await readArchive(await builder.path(artifact(configure, 'kconfig')));
  const [was, is] = [before, config].map((path) => parseConfig(readFileSync(path, 'utf8'))) as [Values, Values];
  return askable(changesBetween(was, is), parseKconfig(files, kconfig.root, kconfig.variables));
}

/** The configuration that the menu changes, in the work folder. */
const CONFIG = 'config';

interface FragmentFile {
  /** Absolute. */
  readonly path: string;
  /** What to write into a recipe so that it counts; absent when it is there. */
  readonly naming?: string;
}

/** Where changes go: for a kernel beside the board, for anything else beside the package, unless somebody says otherwise. */
function fragmentOf(
  project: Project,
  board: Board,
  { pack, isKernel }: Configured,
  output: string | undefined,
): FragmentFile {
  const owner = isKernel ? (board.folders[0] ?? '') : pack.folder;
  const path = output ?? join(owner, `${isKernel ? pack.name : 'menuconfig'}.config`);
  if (output === undefined && !isOwn(project, owner)) {
    const what = isKernel ? `board '${board.name}'` : `package '${pack.name}'`;
    const way = isKernel ? 'make a board that extends it' : 'copy its folder into your packages/';
    throw fail('menuconfig/not-own', `${what} comes with pibuild`, `${way}, or name a file with --output`);
  }
  const named = isKernel
    ? board.kernel.fragments.map(({ value }) => value)
    : (pack.recipe as { fragments: string[] }).fragments.map((file) => join(pack.folder, file));
  if (named.includes(path)) return { path };
  const file = relative(owner, path);
  const naming = isKernel
    ? `in board.yaml, kernel: {fragments: [./${file}]}`
    : `in package.yaml, at the end of fragments: [..., ${file}]`;
  return { path, naming };
}

function isOwn(project: Project, folder: string): boolean {
  const own = new ProjectPaths(project.root);
  return [own.boards, own.packages].some((top) => folder.startsWith(`${top}/`));
}

function openMenu(context: Context, isKernel: boolean, sandbox: Sandbox, terminals: string): Promise<number> {
  const environment = { ...sandbox.environment, TERM: context.env.TERM ?? 'linux', TERMINFO };
  const binds = [...sandbox.binds, { source: terminals, target: TERMINFO }];
  const argv = ['/usr/bin/bash', '-euo', 'pipefail', '-c', menuScript(isKernel, join(workFolder, CONFIG))];
  return attach(sandboxed({ ...sandbox, environment, binds, interactive: true }, argv));
}

function leaveFragment({ cwd, stdout }: Context, { path, naming }: FragmentFile, changes: SymbolChange[]): number {
  if (changes.length === 0) {
    stdout.write('nothing was changed\n');
    return exitCodes.ok;
  }
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, addToFragment(before, changes));
  for (const { symbol, before: was, after } of changes) stdout.write(`  CONFIG_${symbol}: ${was} -> ${after}\n`);
  stdout.write(`${count(changes.length, 'symbol')} written to ${relative(cwd, path) || path}\n`);
  if (naming !== undefined) stdout.write(`so that it counts, name it: ${naming}\n`);
  return exitCodes.ok;
}
