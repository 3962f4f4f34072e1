import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '../build/names.ts';
import { alone } from '../build/presence.ts';
import { Store } from '../build/store.ts';
import { verifyStore } from '../build/verify.ts';
import { fail } from '../diagnostic.ts';
import { count, formatBytes, table } from '../report/format.ts';
import type { Context } from './context.ts';
import { type Call, exitCodes } from './verb.ts';

/** Says where the store is and what takes how much of it, or whether it is whole. Hard links are counted once. */
export async function run(context: Context, call: Call<{ verify?: boolean }>): Promise<number> {
  if (call.options.verify) return verify(context);
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

/** Reads all that is there. What is damaged goes, which is only done while no build is at work. */
async function verify(context: Context): Promise<number> {
  const store = new Store(context.store.root);
  const done = await alone(store, () => verifyStore(store, context.signal));
  if (!done) throw fail('store/busy', 'a build is at work in this store', 'run it again when that is done');
  const { files, bytes, damaged } = done;
  const { json, quiet } = context.options;
  if (json) context.stdout.write(`${JSON.stringify({ path: context.store.root, ...done })}\n`);
  else {
    for (const entry of damaged) context.stdout.write(`${entry} was not what was written there; it is removed\n`);
    const told = damaged.length === 0 ? 'all is well' : 'what was damaged is made anew by the next build that needs it';
    if (!quiet) context.stdout.write(`${count(files, 'file')}, ${formatBytes(bytes)} read: ${told}\n`);
  }
  return damaged.length === 0 ? exitCodes.ok : exitCodes.failed;
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
