import { type Diagnostic, Failure, type SourceLocation, sortDiagnostics } from '../diagnostic.ts';
import { resolveAccounts } from './accounts.ts';
import { resolveChecks } from './check.ts';
import type { Path } from './document.ts';
import { findOverlay } from './files.ts';
import { resolveFragments } from './fragments.ts';
import { resolveImage } from './image.ts';
import { readLayers } from './layers.ts';
import type { Board, Check, Emulator, Located, Overlay, Package, Project, Variables } from './model.ts';
import { moduleChecks, resolveModules } from './modules.ts';
import { readOverlay } from './overlay.ts';
import { recipeProblem } from './problem.ts';
import { attempt, type Reading } from './read.ts';
import type { BoardRecipe } from './schema.ts';
import { resolveFiles, resolveServices, serviceChecks, servicePackages } from './services.ts';
import { entriesAt, placeIn, plain, type Tree, writtenIn } from './tree.ts';
import { parseSize } from './units.ts';
import { unknownRecipe } from './unknown.ts';
import { accountVariables, boardDefaults, partitionVariables, renderBoard } from './variables.ts';

export interface BoardContext {
  readonly project: Project;
  readonly reading: Reading;
}

type At = (path: Path) => SourceLocation;

const KERNEL = 'linux';
/** Makes a partition as large as its card. */
const GROW = 'grow-partition';

/**
 * A board as it is after extending, rendering and filling in what recipes may leave out, with every package, overlay
 * and fragment that it names. Throws a `Failure` with all that is wrong in any of them.
 */
export function resolveBoard(name: string, context: BoardContext): Board {
  const problems: Diagnostic[] = [];
  const layers = readLayers(name, context.project.roots, context.reading);
  const kernelName = kernelOf(layers.tree);
  const kernel = attempt(problems, () => context.project.package(kernelName.value, kernelName.at));
  const facts = {
    board: name,
    arch: 'arm64',
    kernel: { package: kernelName.value, version: kernel?.version ?? '' },
  } as const;
  const { tree, variables: named } = renderBoard(layers.tree, facts, problems);
  const recipe = plain(tree) as BoardRecipe;
  const at: At = (path) => placeIn(tree, path);
  const accounts = resolveAccounts(recipe, at, problems);
  const root = { readonly: recipe.root?.readonly ?? false };
  const image = resolveImage(recipe, at, problems);
  const variables: Variables = { ...named, ...accountVariables(accounts), ...partitionVariables(image), root };
  const services = resolveServices(tree, { project: context.project, folders: layers.folders }, problems);
  const asked = [...textsAt(tree, ['packages']), ...impliedPackages(image, at), ...servicePackages(services)];
  const packages = unique(asked).filter(({ value }) => value !== kernelName.value);
  const loaded = packages.map(({ value, at }) => attempt(problems, () => context.project.package(value, at)));
  const modules = resolveModules(recipe, at);
  const board: Board = {
    name,
    abstract: recipe.abstract ?? false,
    summary: recipe.summary ?? '',
    ...boardDefaults,
    ...picked(recipe),
    arch: facts.arch,
    hostname: String(variables.hostname),
    folders: [...layers.folders.values()],
    kernel: {
      package: kernelName,
      fragments: resolveFragments(entriesAt(tree, ['kernel', 'fragments']), kernel, layers.folders, problems),
      dtbs: recipe.kernel?.dtbs ?? [],
      cmdline: recipe.kernel?.cmdline ?? [],
    },
    packages,
    modules,
    services,
    files: resolveFiles(recipe, tree, layers.folders, problems),
    overlays: resolveOverlays(unique(textsAt(tree, ['overlays'])), variables, context, problems),
    config: recipe.config ?? [],
    ...accounts,
    permissions: recipe.permissions ?? [],
    replace: recipe.replace ?? [],
    root,
    image,
    ...resolveEmulator(recipe, at, problems),
    // First the modules as the start left them: a later check may take one out.
    checks: [
      ...moduleChecks(name, modules),
      ...collectChecks(recipe, name, at, [kernel, ...loaded], problems),
      ...serviceChecks(name, services),
      ...new Set(services.flatMap((service) => service.package?.checks ?? [])),
    ],
    variables,
    recipe,
    at: (...path) => at(path),
    written: (...path) => writtenIn(tree, path),
  };
  if (problems.length > 0) throw new Failure(...sortDiagnostics(problems));
  return board;
}

function picked({ version, timezone }: BoardRecipe): Partial<Pick<Board, 'version' | 'timezone'>> {
  return { ...(version !== undefined && { version }), ...(timezone !== undefined && { timezone }) };
}

function kernelOf(tree: Tree): Located<string> {
  const { kernel } = plain(tree) as BoardRecipe;
  return { value: kernel?.package ?? KERNEL, at: placeIn(tree, ['kernel', 'package']) };
}

function textsAt(tree: Tree, path: Path): Located<string>[] {
  return entriesAt(tree, path).map((entry) => ({ value: String(plain(entry)), at: placeIn(entry, []) }));
}

/** A board may name again what the one it extends has: once is enough, where it was named first. */
function unique(entries: readonly Located<string>[]): Located<string>[] {
  const first = new Map<string, Located<string>>();
  for (const entry of entries) if (!first.has(entry.value)) first.set(entry.value, entry);
  return [...first.values()];
}

/** Packages that a board has for what it says elsewhere. */
function impliedPackages({ partitions }: Board['image'], at: At): Located<string>[] {
  return partitions.data?.grow ? [{ value: GROW, at: at(['image', 'partitions', 'data', 'grow']) }] : [];
}

function resolveOverlays(
  names: readonly Located<string>[],
  variables: Variables,
  { project, reading }: BoardContext,
  problems: Diagnostic[],
): Overlay[] {
  return names.flatMap(({ value, at }) => {
    const folder = findOverlay(project.roots, value);
    if (folder === undefined) {
      problems.push(unknownRecipe('overlay', value, project.roots, at));
      return [];
    }
    return attempt(problems, () => readOverlay(value, folder, { at, variables, reading })) ?? [];
  });
}

function resolveEmulator({ emulator }: BoardRecipe, at: At, problems: Diagnostic[]): { emulator?: Emulator } {
  if (emulator === undefined) return {};
  const { machine, memory, ...others } = emulator;
  if (machine === undefined) {
    const message = "the key 'machine' is missing in 'emulator'";
    problems.push(recipeProblem('missing-key', message, at(['emulator']), "QEMU's name of the board, like raspi3b"));
    return {};
  }
  return { emulator: { ...others, machine, ...(memory !== undefined && { memory: parseSize(memory) }) } };
}

function collectChecks(
  recipe: BoardRecipe,
  name: string,
  at: At,
  packages: readonly (Package | undefined)[],
  problems: Diagnostic[],
): Check[] {
  const own = resolveChecks(recipe.checks ?? [], name, (...path) => at(path), problems);
  return [...own, ...packages.flatMap((pack) => pack?.checks ?? [])];
}
