import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fail } from '../diagnostic.ts';
import { ProjectPaths } from '../paths.ts';

/** What is found by name in the folders of a project: a folder each. */
export type RecipeKind = 'boards' | 'packages' | 'overlays';

const FILES = { boards: 'board.yaml', packages: 'package.yaml' } as const;

export interface RecipeFile {
  /** Which of the roots it is in. */
  readonly root: string;
  /** Absolute. */
  readonly folder: string;
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** The recipe of a name in the first of these roots that has it. */
export function readRecipe(
  roots: readonly string[],
  kind: 'boards' | 'packages',
  name: string,
): RecipeFile | undefined {
  for (const root of roots) {
    const folder = join(new ProjectPaths(root)[kind], name);
    const file = join(folder, FILES[kind]);
    const bytes = readIfThere(file);
    if (bytes !== undefined) return { root, folder, file, bytes };
  }
  return undefined;
}

/** The folder of an overlay in the first of these roots that has it. */
export function findOverlay(roots: readonly string[], name: string): string | undefined {
  return roots.map((root) => join(new ProjectPaths(root).overlays, name)).find(isFolder);
}

/** Every name there is, sorted. A recipe's own folder holds no further recipes. */
export function recipeNames(roots: readonly string[], kind: RecipeKind): string[] {
  const names = roots.flatMap((root) => {
    const top = new ProjectPaths(root)[kind];
    return kind === 'overlays' ? foldersIn(top) : recipesBelow(top, FILES[kind], '');
  });
  return [...new Set(names)].sort();
}

/** A file's bytes, or undefined when there is none. Any other trouble is a `Failure`. */
export function readIfThere(file: string): Uint8Array | undefined {
  // Most of what is asked for is not there, and an exception costs ten times this look.
  if (!existsSync(file)) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fail('recipe/unreadable', `cannot read '${file}': ${message}`);
  }
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A file as its user would type it: relative where that is shorter. */
export function displayPath(file: string, folder: string): string {
  const short = relative(folder, file);
  return short.length < file.length ? short : file;
}

/** The plain files below a folder, relative, sorted. */
export function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}

function foldersIn(folder: string): string[] {
  if (!isFolder(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function recipesBelow(top: string, file: string, prefix: string): string[] {
  return foldersIn(join(top, prefix)).flatMap((folder) => {
    const name = prefix === '' ? folder : `${prefix}/${folder}`;
    return isFile(join(top, name, file)) ? [name] : recipesBelow(top, file, name);
  });
}
