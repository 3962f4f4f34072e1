import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unpackDebs } from '../archive/unpack.ts';
import { fail } from '../diagnostic.ts';
import { ancestorsOf, matcher } from '../image/tree-path.ts';
import type { TaskKind, Workspace } from './kind.ts';

export type UnpackParams = {
  /** Files of the input `debs`, in the order to unpack them in. */
  debs: string[];
  /** Globs of paths to leave out. */
  exclude: string[];
  /** Path -> text, written over what the debs have. */
  files: Record<string, string>;
  /** Path -> target of further links. */
  links: Record<string, string>;
  /** Empty folders to make. */
  folders: string[];
};

/**
 * Makes the tools tree that makes all others: with Node alone, since there is nothing else yet. The input `debs` is a tree
 * of .debs, the artifact is `tree`.
 */
export const unpackDebsKind: TaskKind<UnpackParams> = {
  kind: 'unpack-debs',
  revision: 1,
  run: unpack,
};

async function unpack(workspace: Workspace, params: UnpackParams): Promise<void> {
  const tree = workspace.output('tree');
  const excluded = params.exclude.map(matcher);
  const isExcluded = (path: string): boolean => excluded.some((matches) => matches(path));
  const debs = params.debs.map((name) => join(workspace.input('debs'), name));
  await unpackDebs(debs, tree, {
    leaveOut: (path) => isExcluded(path) || [...ancestorsOf(path)].some(isExcluded),
    signal: workspace.signal,
  });
  for (const folder of params.folders) mkdirSync(join(tree, folder), { recursive: true });
  for (const [path, text] of Object.entries(params.files)) writeFileSync(parentOf(tree, path), text);
  for (const [path, target] of Object.entries(params.links)) addLink(tree, path, target);
}

function addLink(tree: string, path: string, target: string): void {
  const place = parentOf(tree, path);
  if (lstatSync(place, { throwIfNoEntry: false })) {
    throw fail('tools/link-exists', `'${path}' cannot be a link to '${target}': it is there already`);
  }
  const dangling = !existsSync(join(dirname(place), target)) && !target.includes('proc/');
  if (dangling) throw fail('tools/dangling-link', `'${path}' would link to '${target}', which is not there`);
  symlinkSync(target, place);
}

function parentOf(tree: string, path: string): string {
  const place = join(tree, path);
  mkdirSync(dirname(place), { recursive: true });
  return place;
}
