import { cpSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StorePaths } from '../../src/paths.ts';
import { warmStore } from './process.ts';

/**
 * Calls with a store that has all bytes of the warm one, so that nothing is downloaded, and no traces, so that everything
 * is built. Its blobs are links; it is gone afterwards.
 */
export async function withSeededStore<T>(use: (store: string) => Promise<T>): Promise<T> {
  const store = join(dirname(warmStore), `pibuild-bench-${process.pid}`);
  try {
    const from = new StorePaths(warmStore);
    const to = new StorePaths(store);
    for (const executable of [false, true]) linkBlobs(from.blobs(executable), to.blobs(executable));
    return await use(store);
  } finally {
    rmSync(store, { recursive: true, force: true });
  }
}

function linkBlobs(from: string, to: string): void {
  for (const folder of readdirSync(from)) {
    mkdirSync(join(to, folder), { recursive: true });
    for (const blob of readdirSync(join(from, folder))) linkOrCopy(join(from, folder, blob), join(to, folder, blob));
  }
}

/** A file can have so many links only, and a blob without one more is one of many small ones. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMLINK') throw error;
    cpSync(from, to, { preserveTimestamps: true });
  }
}
