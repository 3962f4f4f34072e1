import { compareBytes, type Directory, decodeDirectory } from '../graph/reapi.ts';

/** A path of a tree that is not what it was. */
export interface PathChange {
  readonly path: string;
  readonly what:
    | 'is new'
    | 'is gone'
    | 'changed'
    | 'is executable now'
    | 'is no longer executable'
    | 'became another type';
  /** Of a file that changed: the hashes of its bytes. */
  readonly before?: string;
  readonly now?: string;
}

/** Gives an encoded Directory by its hash, or undefined when it is not at hand. */
export type ReadDirectory = (hash: string) => Uint8Array | undefined;

/**
 * What differs between two trees, in the order of their paths, by the digests of their root Directories; undefined when
 * one of them is not at hand. Folders that are the same are not entered.
 */
export function treeChanges(
  before: string,
  now: string,
  readBefore: ReadDirectory,
  readNow: ReadDirectory,
): PathChange[] | undefined {
  const changes: PathChange[] = [];
  const compare = (one: string, two: string, below: string): boolean => {
    const [old, current] = [readBefore(one), readNow(two)];
    if (!old || !current) return false;
    return entriesOf(decodeDirectory(old), decodeDirectory(current)).every(({ name, a, b }) => {
      const path = `${below}${name}`;
      if (a?.type === 'folder' && b?.type === 'folder') return a.hash === b.hash || compare(a.hash, b.hash, `${path}/`);
      const change = changeOf(path, a, b);
      if (change) changes.push(change);
      return true;
    });
  };
  return compare(before, now, '') ? changes : undefined;
}

interface Entry {
  readonly type: 'file' | 'folder' | 'link';
  /** Of a link, its target. */
  readonly hash: string;
  readonly executable?: boolean;
}

function changeOf(path: string, a: Entry | undefined, b: Entry | undefined): PathChange | undefined {
  const name = (a ?? b)?.type === 'folder' ? `${path}/` : path;
  if (!a) return { path: name, what: 'is new' };
  if (!b) return { path: name, what: 'is gone' };
  if (a.type !== b.type) return { path, what: 'became another type' };
  if (a.hash !== b.hash) return { path, what: 'changed', ...(a.type === 'file' && { before: a.hash, now: b.hash }) };
  if (a.executable === b.executable) return undefined;
  return { path, what: b.executable ? 'is executable now' : 'is no longer executable' };
}

function entriesOf(before: Directory, now: Directory): { name: string; a?: Entry; b?: Entry }[] {
  const [one, two] = [byName(before), byName(now)];
  const names = [...new Set([...one.keys(), ...two.keys()])].sort(compareBytes);
  return names.map((name) => {
    const [a, b] = [one.get(name), two.get(name)];
    return { name, ...(a && { a }), ...(b && { b }) };
  });
}

function byName({ files, directories, symlinks }: Directory): Map<string, Entry> {
  return new Map<string, Entry>([
    ...files.map(({ name, digest, executable }) => [name, { type: 'file', hash: digest.hash, executable }] as const),
    ...directories.map(({ name, digest }) => [name, { type: 'folder', hash: digest.hash }] as const),
    ...symlinks.map(({ name, target }) => [name, { type: 'link', hash: target }] as const),
  ]);
}
