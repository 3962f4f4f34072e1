import { lstatSync } from 'node:fs';
import { basename } from 'node:path';
import type { Fingerprint } from '../graph/task.ts';
import { filesTwoDeep } from './collect-garbage.ts';
import { hashFile } from './hash.ts';
import { namesIn } from './names.ts';
import { isSealed, type Store } from './store.ts';
import { damageIn } from './tree.ts';

/** What reading a store from end to end came to. */
export interface Verified {
  readonly files: number;
  readonly bytes: number;
  /** Entries that were not what was written, below the store. They are gone now. */
  readonly damaged: readonly string[];
}

/**
 * Reads a whole store: every blob must have the hash that it is named by, every result be whole, every unpacked tree be what
 * its Directories say. What is not is removed, so that the next build makes it anew. `since` (milliseconds since 1970)
 * leaves out what was not touched after it.
 */
export async function verifyStore(store: Store, signal: AbortSignal, since = 0): Promise<Verified> {
  const damaged: string[] = [];
  let [files, bytes] = [0, 0];
  const drop = (path: string): void => {
    damaged.push(path.slice(store.paths.root.length + 1));
    store.damaged(path);
  };
  const changed = (folder: string) => filesTwoDeep(folder).filter(({ stat }) => stat.ctimeMs >= since);
  for (const { path, name, stat } of [false, true].flatMap((executable) => changed(store.paths.blobs(executable)))) {
    signal.throwIfAborted();
    if (!isSealed(stat, stat.size) || (await hashFile(path)).hash !== name) drop(path);
    files += 1;
    bytes += stat.size;
  }
  for (const { path, name } of changed(store.paths.traces)) {
    files += 1;
    if (!store.trace(name as Fingerprint, 'look')) damaged.push(path.slice(store.paths.root.length + 1));
  }
  for (const path of namesIn(store.paths.trees).map((hash) => store.paths.tree(hash))) {
    signal.throwIfAborted();
    if (lstatSync(path).ctimeMs < since) continue;
    if ((await damageIn(store, path, { hash: basename(path), size: 0 })) !== undefined) drop(path);
  }
  return { files, bytes, damaged };
}
