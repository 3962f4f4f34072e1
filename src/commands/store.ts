import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '../build/names.ts';
import { formatBytes, table } from '../report/format.ts';
import type { Context } from './context.ts';
import { type Call, exitCodes } from './verb.ts';

/** Says where the store is and what takes how much of it. Hard links are counted once. */
export async function run(context: Context, _call: Call): Promise<number> {
  const { store, options, stdout } = context;
  const seen = new Set<number>();
  const kinds = [
    { kind: 'artifacts', folders: [store.blobs(), store.blobs(true)] },
    { kind: 'unpacked trees', folders: [store.trees] },
    { kind: 'results', folders: [store.traces] },
    { kind: 'compiler cache', folders: [store.ccache] },
    { kind: 'unfinished', folders: [store.partials, store.temporary, store.failures] },
  ].map(({ kind, folders }) => ({ kind, ...sumOf(folders, seen) }));
  const total = { bytes: kinds.reduce((sum, { bytes }) => sum + bytes, 0) };
  if (options.json) stdout.write(`${JSON.stringify({ path: store.root, kinds, ...total })}\n`);
  else {
    const rows = kinds.map(({ kind, files, bytes }) => [kind, `${files} files`, formatBytes(bytes)]);
    stdout.write(`${store.root}\n${table([...rows, ['total', '', formatBytes(total.bytes)]]).join('\n')}\n`);
  }
  return exitCodes.ok;
}

/** Files and bytes on the disk below folders; what is in `seen` already, by inode, is not counted again. */
function sumOf(folders: readonly string[], seen: Set<number>): { files: number; bytes: number } {
  const sum = { files: 0, bytes: 0 };
  const visit = (folder: string): void => {
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory()) visit(path);
      else if (stat && !seen.has(stat.ino)) {
        seen.add(stat.ino);
        sum.files += 1;
        sum.bytes += stat.blocks * 512;
      }
    }
  };
  for (const folder of folders) visit(folder);
  return sum;
}
