import { lstatSync, rmSync, type Stats } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDirectory } from '../graph/reapi.ts';
import type { Digest, Fingerprint } from '../graph/task.ts';
import { namesIn } from './names.ts';
import type { Store } from './store.ts';

/** What a collection did. */
export interface Collected {
  /** Bytes that were freed, and that are left. */
  readonly freed: number;
  readonly kept: number;
  /** Results that were forgotten. */
  readonly traces: number;
}

/**
 * Brings a store down to so many bytes: results that were used last are kept with all their files, in the order of
 * their use; then downloads, the newest first; the rest goes. Nobody may be at work in the store meanwhile.
 */
export async function collectGarbage(store: Store, bytes: number): Promise<Collected> {
  const marked = new Map<string, number>();
  let [total, forgotten] = [0, 0];
  for (const { name, path } of newestFirst(filesTwoDeep(store.paths.traces), 'mtimeMs')) {
    const reach = total <= bytes ? reachOf(store, name as Fingerprint, marked) : undefined;
    const size = reach ? sum(reach.values()) : 0;
    if (reach && total + size <= bytes) {
      for (const [hash, of] of reach) marked.set(hash, of);
      total += size;
    } else {
      rmSync(path, { force: true });
      forgotten += 1;
    }
  }
  const blobs = [...filesTwoDeep(store.paths.blobs()), ...filesTwoDeep(store.paths.blobs(true))];
  let [freed, kept] = [0, 0];
  for (const blob of newestFirst(blobs, 'ctimeMs')) {
    const fits = kept + blob.stat.size <= bytes;
    // What no result names is a download, or part of a forgotten result; only what fits beside the results stays.
    if (marked.has(blob.name) || (fits && total + blob.stat.size <= bytes)) {
      if (!marked.has(blob.name)) total += blob.stat.size;
      kept += blob.stat.size;
      continue;
    }
    rmSync(blob.path, { force: true });
    freed += blob.stat.size;
  }
  await dropTrees(store, marked);
  return { freed, kept, traces: forgotten };
}

/** The blobs that a result needs and that are not marked yet, with their sizes; undefined when it is no longer whole. */
function reachOf(
  store: Store,
  fingerprint: Fingerprint,
  marked: ReadonlyMap<string, number>,
): Map<string, number> | undefined {
  const result = store.trace(fingerprint, 'look');
  if (!result) return undefined;
  const reach = new Map<string, number>();
  const add = ({ hash, size }: Digest): boolean => {
    if (marked.has(hash) || reach.has(hash)) return false;
    reach.set(hash, size);
    return true;
  };
  const addTree = (root: Digest): boolean => {
    if (!add(root)) return true;
    const bytes = store.bytes(root);
    if (!bytes) return false;
    const { files, directories } = decodeDirectory(bytes);
    for (const file of files) add(file.digest);
    return directories.every((folder) => addTree(folder.digest));
  };
  for (const file of result.files) add(file.digest);
  return result.directories.every(({ root }) => addTree(root)) ? reach : undefined;
}

/** Unpacked trees are links to blobs: those of forgotten results would keep the bytes on the disk. */
async function dropTrees(store: Store, marked: ReadonlyMap<string, number>): Promise<void> {
  for (const hash of namesIn(store.paths.trees)) {
    if (!marked.has(hash)) await rm(store.paths.tree(hash), { recursive: true, force: true });
  }
}

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly stat: Stats;
}

/** The files of a folder whose names are spread over folders by their beginnings. */
export function filesTwoDeep(folder: string): Entry[] {
  return namesIn(folder).flatMap((group) =>
    namesIn(join(folder, group)).flatMap((name) => {
      const path = join(folder, group, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      return stat ? [{ name, path, stat }] : [];
    }),
  );
}

function newestFirst(entries: readonly Entry[], by: 'mtimeMs' | 'ctimeMs'): Entry[] {
  return [...entries].sort((a, b) => b.stat[by] - a.stat[by]);
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
