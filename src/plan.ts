import { didYouMean, Failure, fail, unwrap } from './diagnostic.ts';
import { createGraph } from './graph/graph.ts';
import type { Task, TaskGraph, TaskId } from './graph/task.ts';
import type { Hat } from './hat/hat.ts';
import type { NeededOption } from './kconfig/needed.ts';
import { type BoardHat, hatChecks, planBoardHats, withLoads } from './kinds/board-hats.ts';
import { type ModulePackage, planBoardModules } from './kinds/board-modules.ts';
import { planFiles, planServices, type ServicePlan } from './kinds/board-services.ts';
import { type ImageLayer, type ImagePlan, planImage } from './kinds/image.ts';
import { packageKinds } from './kinds/index.ts';
import { kernelModuleKind } from './kinds/kernel-module.ts';
import type { ArtifactRef, ModuleKernel, ModuleParts, PlanContext, Provides } from './kinds/kind.ts';
import { aptOf } from './kinds/locked.ts';
import { LOADER_PACKAGE, planLoader } from './kinds/module-loader.ts';
import { planPackagedKernel } from './kinds/packaged-kernel.ts';
import type { Board, Check, DebsLock, Package, Project } from './recipe/model.ts';

/** The tools tree whose bubblewrap makes every sandbox. */
const SANDBOX_TOOLS = 'tools/bootstrap';
/** The one with compilers and depmod. */
const BUILD_TOOLS = 'tools/build';

export interface BoardPlan {
  readonly board: Board;
  readonly graph: TaskGraph;
  readonly image: ImagePlan;
  /** The tasks of the card image and what lies beside it in any case: the targets without further formats. */
  readonly card: readonly TaskId[];
  /** What each package provides, by name. */
  readonly provides: ReadonlyMap<string, Provides>;
  /** The containers of the board. */
  readonly services: readonly ServicePlan[];
  /** Those of the board, and those that its HATs bring about. */
  readonly checks: readonly Check[];
  /** The HATs on it, in the order in which the board names them. */
  readonly hats: readonly Hat[];
}

/**
 * What a board is made of: its packages become tasks that leave layers and boot files, the layers become the root, the
 * root and the boot files become the card image. `also` names further packages to have in the graph (the emulator's
 * tools, say). Throws a `Failure`.
 */
export function planBoard(project: Project, name: string, also: readonly string[] = []): BoardPlan {
  const board = project.board(name);
  if (board.abstract) throw isAbstract(board);
  const planner = new Planner(project, board);
  const kernel = planner.package(board.kernel.package.value);
  // A distribution's kernel is files for the boot partition alone.
  if (kernel.kernel === undefined && kernel.boot === undefined) throw noKernel(board);
  const packages = board.packages.filter(({ value }) => value !== board.kernel.package.value);
  const parts = [
    ...packages.map(({ value }) => ({ name: value, provides: planner.package(value) })),
    { name: board.kernel.package.value, provides: kernel },
  ];
  const layers = parts.flatMap(({ name: part, provides }) =>
    provides.layer ? [layerOf(project.package(part), provides.layer)] : [],
  );
  const boots = parts.flatMap(({ name: part, provides }) =>
    provides.boot ? [{ name: part, ref: provides.boot }] : [],
  );
  const hats = hatsOf(planner, board);
  const { config, options } = planBoardHats(board, hats);
  const modules = planModules(planner, board, parts, options);
  const services = planServices(board, planner);
  const files = planFiles(board);
  const rootLayers = [...layers, ...modules.layers, ...services.layers, ...files.layers];
  const equipped = { ...board, config: [...board.config, ...config] };
  const image = planImage(equipped, rootLayers, boots, (tree) => toolsOf(planner, tree));
  for (const further of also) planner.package(further);
  const card = [image.image, image.bmap, image.manifest].map(({ task }) => task);
  const targets = [...card, ...[...image.formats.values()].map(({ task }) => task)];
  const graph = planner.graph(
    [...modules.tasks, ...services.tasks, ...files.tasks, ...image.tasks],
    [...new Set(targets)],
  );
  return {
    board,
    graph,
    image,
    card,
    provides: planner.provides,
    services: services.services,
    checks: [...board.checks, ...hatChecks(board, hats)],
    hats: hats.map(({ hat }) => hat),
  };
}

function hatsOf(planner: Planner, board: Board): BoardHat[] {
  return board.packages.flatMap(({ value, at: namedAt }): BoardHat[] => {
    const { hat } = planner.package(value);
    return hat ? [{ hat, at: planner.project.package(value).at, namedAt }] : [];
  });
}

function isAbstract(board: Board): Failure {
  const message = `'${board.name}' is no board by itself: others extend it`;
  const hint = '`pibuild list boards` names those that do';
  return new Failure({ severity: 'error', code: 'plan/abstract', message, hint, at: board.at('abstract') });
}

/** What a package provides. */
interface Part {
  readonly name: string;
  readonly provides: Provides;
}

/** What makes kernel modules outside of the kernel fit it, and loads those that the board names; without any, nothing. */
function planModules(
  planner: Planner,
  board: Board,
  parts: readonly Part[],
  needed: readonly NeededOption[],
): { tasks: Task[]; layers: ImageLayer[] } {
  const packages = parts.flatMap(({ name, provides: { modules, layer } }): ModulePackage[] => {
    if (modules === undefined || layer === undefined) return [];
    const pack = planner.project.package(name);
    return [
      { name, parts: modules, layer, at: (module) => pack.at('modules', Object.keys(modules.files).indexOf(module)) },
    ];
  });
  const loads = parts.flatMap(({ provides }) => provides.loads ?? []);
  const modules = withLoads(board.modules, loads);
  if (packages.length === 0 && modules.length === 0 && needed.length === 0) return { tasks: [], layers: [] };
  const { kernel } = planner.package(board.kernel.package.value);
  if (kernel === undefined) throw noKernel(board);
  const others = modules.filter(
    ({ name }) => !parts.some((part) => part.name === name) && isModulePackage(planner.project, name),
  );
  const tools = toolsOf(planner, BUILD_TOOLS);
  const options = { modules, kernel, packages, others: others.map(({ name }) => name), tools, options: needed };
  const { tasks, layer } = planBoardModules(board, options);
  return { tasks, layers: [layer] };
}

function isModulePackage(project: Project, name: string): boolean {
  try {
    return project.package(name).kind === kernelModuleKind.kind;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

function noKernel({ kernel }: Board): Failure {
  const { value, at } = kernel.package;
  return new Failure({ severity: 'error', code: 'plan/no-kernel', message: `package '${value}' is no kernel`, at });
}

/** A graph of packages without a board: tools trees, for verbs that need no image. Throws a `Failure`. */
export function planPackages(project: Project, names: readonly string[]): Pick<BoardPlan, 'graph' | 'provides'> {
  const planner = new Planner(project, undefined);
  for (const name of names) planner.package(name);
  return { graph: planner.graph([], []), provides: planner.provides };
}

/** What a module of a package is built from and into, without an image. */
export interface ModulePlan {
  readonly graph: TaskGraph;
  /** The task that compiles it. */
  readonly build: TaskId;
  /** Absent: the kernel is no artifact, so what was compiled is checked by who had it compiled. */
  readonly parts?: ModuleParts;
  /** The modules of packages that it is built on top of. */
  readonly below: readonly ModuleParts[];
  /** The modules of the kernel itself, where it is one of ours. */
  readonly kernelModules?: ArtifactRef;
  /** The program that loads it where there is no other, for the kernel's processor. */
  readonly loader: ArtifactRef;
}

/** The kernel that a module is built for: the board's, one whose headers are packaged, or one that the verb knows about. */
export type ModuleTarget =
  | 'board'
  | { readonly deb: string; readonly lock: DebsLock }
  | { readonly host: ModuleKernel };

/** A graph of a package of kernel modules alone. Throws a `Failure`. */
export function planModule(project: Project, name: string, board: string, target: ModuleTarget = 'board'): ModulePlan {
  const pack = project.package(name);
  if (pack.kind !== kernelModuleKind.kind) throw noModule(pack);
  const planner = new Planner(project, project.board(board));
  const tools = toolsOf(planner, BUILD_TOOLS);
  const tasks: Task[] = [];
  if (target !== 'board' && 'host' in target) planner.moduleKernel = target.host;
  else if (target !== 'board') {
    const packaged = planPackagedKernel(target.deb, target.lock, tools, aptOf(planner));
    tasks.push(...packaged.tasks);
    planner.moduleKernel = packaged.kernel;
  }
  const { modules } = planner.package(name);
  const kernel = target === 'board' ? planner.package(project.board(board).kernel.package.value).kernel : undefined;
  const loader = planLoader(project.package(LOADER_PACKAGE), planner.moduleKernel?.arch ?? 'arm64', tools);
  return {
    graph: planner.graph([...tasks, loader.task], []),
    build: `${name}:build` as TaskId,
    ...(modules && { parts: modules }),
    below: [...planner.provides].flatMap(([other, provides]) =>
      other !== name && provides.modules ? [provides.modules] : [],
    ),
    ...(kernel && { kernelModules: kernel.modules }),
    loader: loader.loader,
  };
}

function noModule(pack: Package): Failure {
  const message = `package '${pack.name}' is of kind ${pack.kind}, not a kernel module`;
  return new Failure({ severity: 'error', code: 'module/no-module', message, at: pack.at('kind') });
}

/** Plans each package once, on first use, with what it depends on. */
class Planner implements PlanContext {
  readonly project: Project;
  readonly board?: Board;
  moduleKernel?: ModuleKernel;
  readonly provides = new Map<string, Provides>();
  readonly #tasks: Task[] = [];
  readonly #under: string[] = [];

  constructor(project: Project, board: Board | undefined) {
    this.project = project;
    if (board) this.board = board;
  }

  package(name: string, askedBy?: Package): Provides {
    const planned = this.provides.get(name);
    if (planned) return planned;
    const pack = this.project.package(name, askedBy?.at('depends'));
    if (this.#under.includes(name)) throw circle([...this.#under.slice(this.#under.indexOf(name)), name], pack);
    const kind = packageKinds.get(pack.kind);
    if (!kind) throw unknownKind(pack);
    this.#under.push(name);
    const { tasks, provides } = kind.plan(pack as Package<never>, this);
    this.#under.pop();
    this.#tasks.push(...tasks);
    this.provides.set(name, provides);
    return provides;
  }

  graph(tasks: readonly Task[], targets: readonly TaskId[]): TaskGraph {
    const sandbox = toolsOf(this, SANDBOX_TOOLS);
    return unwrap(createGraph([...this.#tasks, ...tasks], targets, sandbox));
  }
}

function layerOf({ name, permissions, replace }: Package, ref: ArtifactRef): ImageLayer {
  return { name, ref, permissions, replace };
}

function toolsOf(planner: Planner, name: string): ArtifactRef {
  const { tools } = planner.package(name);
  if (!tools) throw fail('plan/no-tools', `package '${name}' is no tools tree`, 'its kind must be `tools`');
  return tools;
}

function circle(names: readonly string[], pack: Package): Failure {
  const message = `packages depend on each other in a circle: ${names.join(' -> ')}`;
  return new Failure({ severity: 'error', code: 'plan/cycle', message, at: pack.at('depends') });
}

function unknownKind(pack: Package): Failure {
  const message = `unknown kind of package '${pack.kind}'`;
  const hint = didYouMean(pack.kind, packageKinds.keys());
  const diagnostic = { severity: 'error', code: 'plan/unknown-kind', message, at: pack.at('kind') } as const;
  return new Failure({ ...diagnostic, ...(hint !== undefined && { hint }) });
}
