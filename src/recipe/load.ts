import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Diagnostic, Failure, type SourceLocation, sortDiagnostics } from '../diagnostic.ts';
import { ProjectPaths } from '../paths.ts';
import { resolveBoard } from './board.ts';
import { readDocument } from './document.ts';
import { displayPath, isFolder, readIfThere, readRecipe, recipeNames } from './files.ts';
import type { Memo } from './memo.ts';
import type { Board, Package, Project } from './model.ts';
import { type KindSchemas, loadPackage } from './package.ts';
import { parseRecipe, type Reading } from './read.ts';
import { NAME, projectFile } from './schema.ts';
import { unknownRecipe } from './unknown.ts';

export interface ProjectOptions {
  /** Where the user stands: the project is looked for from here upwards. Absolute. */
  readonly folder: string;
  /** pibuild's own folder, whose recipes are found last. */
  readonly installation: string;
  /** The kinds of packages (`kinds/index.ts`): the loader needs their schemas alone. */
  readonly kinds: KindSchemas;
  /** Remembers parsed files from one start to the next; absent: each is parsed. */
  readonly memo?: Memo;
}

/** 2026-01-01: what files are dated when the project does not say. */
const EPOCH = 1_767_225_600;

/**
 * Finds the project around a folder: the nearest one upwards with a `pibuild.yaml` or a `boards/`, else the folder
 * itself, where only the built-in recipes are found. Reads nothing else yet. Throws a `Failure` for a bad pibuild.yaml.
 */
export function loadProject({ folder, installation, kinds, memo }: ProjectOptions): Project {
  const root = findRoot(folder) ?? folder;
  const roots = [...new Set([root, installation])];
  const reading: Reading = { display: (file) => displayPath(file, folder), ...(memo && { memo }) };
  const own = readProjectFile(new ProjectPaths(root).projectFile, reading);
  const boards = new Map<string, Board>();
  const packages = new Map<string, Package>();
  const project: Project = {
    name: own.project ?? basename(root),
    root,
    roots,
    epoch: own.epoch ?? EPOCH,
    board: (name) => once(boards, name, () => resolveBoard(name, { project, reading })),
    package: (name, askedBy) => once(packages, name, () => findPackage(name, roots, kinds, reading, askedBy)),
    names: (kind) => recipeNames(roots, kind),
  };
  return project;
}

function findRoot(folder: string): string | undefined {
  const paths = new ProjectPaths(folder);
  if (existsSync(paths.projectFile) || isFolder(paths.boards)) return folder;
  const above = dirname(folder);
  return above === folder ? undefined : findRoot(above);
}

function readProjectFile(file: string, reading: Reading): { project?: string | undefined; epoch?: number | undefined } {
  const bytes = readIfThere(file);
  // A project of recipes alone needs no more than the file being there.
  if (bytes === undefined || bytes.length === 0) return {};
  const problems: Diagnostic[] = [];
  const recipe = parseRecipe(readDocument(bytes, reading.display(file), reading.memo), projectFile, problems);
  if (recipe === undefined) throw new Failure(...sortDiagnostics(problems));
  return recipe;
}

function findPackage(
  name: string,
  roots: readonly string[],
  kinds: KindSchemas,
  reading: Reading,
  askedBy?: SourceLocation,
): Package {
  const file = NAME.test(name) ? readRecipe(roots, 'packages', name) : undefined;
  if (file === undefined) throw new Failure(unknownRecipe('package', name, roots, askedBy));
  return loadPackage(name, file, kinds, reading);
}

function once<T>(known: Map<string, T>, name: string, make: () => T): T {
  const found = known.get(name);
  if (found !== undefined) return found;
  const made = make();
  known.set(name, made);
  return made;
}
