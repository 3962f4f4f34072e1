import { didYouMean, fail } from '../diagnostic.ts';
import { displayPath } from '../recipe/files.ts';
import type { Board, Package, Partition, Project, Service } from '../recipe/model.ts';
import { formatDuration, formatSize } from '../recipe/units.ts';
import type { Context } from './context.ts';
import { formatSourced, Sourced, sourced, unsourced } from './origins.ts';
import { openProject } from './session.ts';
import { showTask } from './show-task.ts';
import { type Call, exitCodes } from './verb.ts';

/** Prints what a board, a package or a task is after everything is resolved, and where each value comes from. */
export async function run(context: Context, call: Call<{ board?: string }>): Promise<number> {
  const [name = ''] = call.arguments;
  const project = openProject(context);
  const view = name.includes(':')
    ? await showTask(context, project, name, call.options.board)
    : recipeView(project, name, (path) => displayPath(path, context.folder));
  const text = context.options.json ? `${JSON.stringify(unsourced(view))}\n` : formatSourced(view);
  context.stdout.write(text);
  return exitCodes.ok;
}

/** How a path is shown. */
type Display = (path: string) => string;

function recipeView(project: Project, name: string, display: Display): Record<string, unknown> {
  const boards = project.names('boards');
  if (boards.includes(name)) return boardView(project.board(name), display);
  const packages = project.names('packages');
  if (packages.includes(name)) return packageView(project.package(name), display);
  const message = `there is no board or package '${name}'`;
  throw fail('cli/unknown-name', message, didYouMean(name, [...boards, ...packages]) ?? '`pibuild list` names them');
}

/** A board, with units as recipes write them. */
export function boardView(board: Board, display: Display): Record<string, unknown> {
  const { recipe, written, image, emulator } = board;
  const of = (value: unknown, ...path: (string | number)[]) => sourced(value, written, path);
  const partitions = Object.entries(image.partitions).map(([key, { size, ...others }]: [string, Partition]) => {
    const { format, ...more } = others;
    const view = { format, ...(size !== undefined && { size: formatSize(size) }), ...more };
    return [key, of(view, 'image', 'partitions', key)];
  });
  return {
    board: board.name,
    ...(board.folders.length > 1 && { extends: board.folders.slice(1).map(display) }),
    summary: of(board.summary, 'summary'),
    version: of(board.version, 'version'),
    arch: of(board.arch, 'arch'),
    hostname: of(board.hostname, 'hostname'),
    timezone: of(board.timezone, 'timezone'),
    kernel: {
      package: of(board.kernel.package.value, 'kernel', 'package'),
      fragments: board.kernel.fragments.map(({ value, at }) => new Sourced(display(value), at)),
      dtbs: of(board.kernel.dtbs, 'kernel', 'dtbs'),
      cmdline: of(board.kernel.cmdline, 'kernel', 'cmdline'),
    },
    packages: board.packages.map(({ value, at }) => new Sourced(value, at)),
    ...servicesView(board),
    overlays: board.overlays.map(({ name, at }) => new Sourced(name, at)),
    config: of(board.config, 'config'),
    users: of(Object.fromEntries(board.users), 'users'),
    groups: of(recipe.groups ?? {}, 'groups'),
    permissions: of(board.permissions, 'permissions'),
    root: of(board.root, 'root'),
    image: {
      ...(image.size !== undefined && { size: of(formatSize(image.size), 'image', 'size') }),
      partitions: Object.fromEntries(partitions),
    },
    variables: of(recipe.variables ?? {}, 'variables'),
    ...(emulator && {
      emulator: of(
        { ...emulator, ...(emulator.memory !== undefined && { memory: formatSize(emulator.memory) }) },
        'emulator',
      ),
    }),
    checks: checksView(board.checks),
  };
}

/** The containers by when they run, each with the keys of its package and the board's. */
function servicesView({ services }: Board): Record<string, unknown> {
  const stages = [...new Set(services.map(({ stage }) => stage))];
  const viewOf = ({ name, recipe, at }: Service) => ({
    name: new Sourced(name, at('name')),
    ...(sourced(recipe, at) as Record<string, unknown>),
  });
  return Object.fromEntries(
    stages.map((stage) => [stage, services.filter((service) => service.stage === stage).map(viewOf)]),
  );
}

/** A package: its whole recipe with defaults, and its lock in short. */
export function packageView(pack: Package, display: Display): Record<string, unknown> {
  const { package: name, checks: _asWritten, ...recipe } = pack.recipe as Record<string, unknown>;
  const { lock } = pack;
  return {
    package: name,
    folder: display(pack.folder),
    ...(sourced(recipe, pack.written) as Record<string, unknown>),
    checks: checksView(pack.checks),
    ...(lock && { lock: { distribution: lock.distribution, snapshot: lock.snapshot, debs: lock.debs.length } }),
  };
}

function checksView(checks: Board['checks']): unknown[] {
  return checks.map(({ name, at, timeout, retry, ...check }) => ({
    name: new Sourced(name, at),
    ...check,
    timeout: formatDuration(timeout),
    ...(retry > 0 && { retry: formatDuration(retry) }),
  }));
}
