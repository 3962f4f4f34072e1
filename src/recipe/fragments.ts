import { join } from 'node:path';
import { type Diagnostic, didYouMean, type SourceLocation } from '../diagnostic.ts';
import { filesBelow, isFile } from './files.ts';
import type { Located, Package } from './model.ts';
import { recipeProblem } from './problem.ts';
import { placeIn, plain, type Tree } from './tree.ts';

/**
 * The files of kernel fragments. `name.config` is a file of the kernel package; `./name.config` one of the board that
 * names it, or of those that it extends. What is not there is added to `problems`.
 *
 * @param folders of the board and then of the ones it extends, by the file of their recipe
 */
export function resolveFragments(
  entries: readonly Tree[],
  kernel: Package | undefined,
  folders: ReadonlyMap<string, string>,
  problems: Diagnostic[],
): Located<string>[] {
  return entries.flatMap((entry) => {
    const name = String(plain(entry));
    const at = placeIn(entry, []);
    const isOwn = name.startsWith('./');
    if (!isOwn && kernel === undefined) return [];
    const where = isOwn ? foldersFrom(entry, folders) : [kernel?.folder ?? ''];
    const file = name.split('/').includes('..') ? undefined : where.map((folder) => join(folder, name)).find(isFile);
    if (file !== undefined) return [{ value: file, at }];
    problems.push(missing(name, isOwn ? 'the folder of the board' : `package '${kernel?.name}'`, where, at));
    return [];
  });
}

/** The folders of the board that names the fragment and of what that one extends. */
function foldersFrom(entry: Tree, folders: ReadonlyMap<string, string>): string[] {
  const files = [...folders.keys()];
  return [...folders.values()].slice(files.indexOf(entry.origin.document.file));
}

function missing(name: string, owner: string, where: readonly string[], at: SourceLocation): Diagnostic {
  const prefix = name.startsWith('./') ? './' : '';
  const known = where.flatMap(filesBelow).flatMap((file) => (file.endsWith('.config') ? [prefix + file] : []));
  return recipeProblem('unknown-fragment', `there is no fragment '${name}' in ${owner}`, at, didYouMean(name, known));
}
