import { createWriteStream } from 'node:fs';
import { copyFile, lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type DebEntry, eachDebEntry, hostile } from './deb.ts';

export interface UnpackOptions {
  /** Says which members to leave out. */
  readonly leaveOut: (path: string) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Unpacks .debs into a plain tree with Node alone, one after the other: of a path that several bring, the last one stays.
 * Owners, modes (but for the executable bit) and times are not kept; a hard link becomes a file of its own.
 *
 * @throws Failure as `eachDebEntry`, and `archive/hostile-member` for a member below a link.
 */
export async function unpackDebs(debs: readonly string[], folder: string, options: UnpackOptions): Promise<void> {
  const tree: Tree = { folder, kinds: new Map([['', 'folder']]) };
  await mkdir(folder, { recursive: true });
  for (const deb of debs) {
    await eachDebEntry(deb, async (entry) => {
      options.signal.throwIfAborted();
      if (options.leaveOut(entry.path)) return;
      await place(tree, deb, entry, options);
    });
  }
}

/** What has been put where: asking this instead of the disk is quicker, and follows no link. */
interface Tree {
  readonly folder: string;
  readonly kinds: Map<string, 'folder' | 'file' | 'link'>;
}

async function place(tree: Tree, deb: string, entry: DebEntry, options: UnpackOptions): Promise<void> {
  await makeFolder(tree, deb, dirname(entry.path) === '.' ? '' : dirname(entry.path));
  if (entry.type === 'folder') return makeFolder(tree, deb, entry.path, true);
  const there = tree.kinds.get(entry.path);
  if (there === 'folder') throw hostile(deb, entry.path, 'another .deb has a folder of this name');
  const path = join(tree.folder, entry.path);
  if (there !== undefined) await rm(path);
  tree.kinds.set(entry.path, entry.type === 'link' ? 'link' : 'file');
  if (entry.type === 'link') return symlink(entry.target, path);
  if (entry.type === 'hardlink') return copyShared(tree, deb, entry, path);
  await pipeline(entry.body, createWriteStream(path, { mode: entry.executable ? 0o755 : 0o644 }), {
    signal: options.signal,
  });
}

async function makeFolder(tree: Tree, deb: string, path: string, mayBeLink = false): Promise<void> {
  const there = tree.kinds.get(path);
  if (there === 'folder') return;
  if (there === 'link' && mayBeLink && (await pointsToFolder(tree, path))) return;
  if (there !== undefined) throw hostile(deb, path, `it would lead through a ${there} of this name`);
  await makeFolder(tree, deb, dirname(path) === '.' ? '' : dirname(path));
  await mkdir(join(tree.folder, path), { recursive: true });
  tree.kinds.set(path, 'folder');
}

/** dpkg keeps a link to a folder where a later .deb has the folder itself. */
async function pointsToFolder(tree: Tree, path: string): Promise<boolean> {
  const target = join(dirname(path), await readlink(join(tree.folder, path)));
  return tree.kinds.get(target) === 'folder';
}

async function copyShared(tree: Tree, deb: string, entry: DebEntry, path: string): Promise<void> {
  if (tree.kinds.get(entry.target) !== 'file') {
    throw hostile(deb, entry.path, `it shares the file '${entry.target}', which is not there`);
  }
  const shared = join(tree.folder, entry.target);
  if (!(await lstat(shared)).isFile()) throw hostile(deb, entry.path, `'${entry.target}' is no file`);
  await copyFile(shared, path);
}
