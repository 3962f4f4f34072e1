import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileSource } from '../image/tar-reader.ts';
import { differenceInside, type Words } from '../inside/difference.ts';

/** Where two results of the same task differ. */
export interface Difference {
  readonly artifact: string;
  /** In words: which file, which member of the archive, which section, which byte. */
  readonly where: string;
}

/** What is said of two runs of one task. */
export const twoRuns: Words = { gone: 'is missing in the second run', come: 'is there only in the second run' };

/** Makes of two files something that can be looked into, where pibuild itself cannot: two folders, or undefined. */
export type Unpack = (before: string, now: string) => Promise<readonly [string, string] | undefined>;

/** The first difference between two artifacts, in words. They are known to differ. */
export async function firstDifference(
  before: string,
  now: string,
  words: Words = twoRuns,
  unpack: Unpack = async () => undefined,
): Promise<string> {
  if (lstatSync(before).isDirectory())
    return (await inTrees(before, now, '', words, unpack)) ?? 'only in modes or times';
  return (await inFiles(before, now, words, unpack)) ?? 'only in the executable bit';
}

async function inTrees(
  before: string,
  now: string,
  below: string,
  words: Words,
  unpack: Unpack,
): Promise<string | undefined> {
  const [names, others] = [readdirSync(before).sort(), readdirSync(now).sort()];
  for (const name of new Set([...names, ...others])) {
    const path = `${below}${name}`;
    if (!others.includes(name)) return `'${path}' ${words.gone}`;
    if (!names.includes(name)) return `'${path}' ${words.come}`;
    const [one, two] = [join(before, name), join(now, name)];
    const [a, b] = [lstatSync(one), lstatSync(two)];
    if (a.isDirectory() && b.isDirectory()) {
      const found = await inTrees(one, two, `${path}/`, words, unpack);
      if (found !== undefined) return found;
    } else if (a.isSymbolicLink() && b.isSymbolicLink()) {
      if (readlinkSync(one) !== readlinkSync(two))
        return `'${path}' points elsewhere: ${readlinkSync(one)} became ${readlinkSync(two)}`;
    } else if (a.isFile() && b.isFile()) {
      if ((a.mode & 0o100) !== (b.mode & 0o100)) return `'${path}' is executable in only one run`;
      const found = await inFiles(one, two, words, unpack);
      if (found !== undefined) return `'${path}': ${found}`;
    } else return `'${path}' is of another type`;
  }
  return undefined;
}

async function inFiles(before: string, now: string, words: Words, unpack: Unpack): Promise<string | undefined> {
  const [one, two] = [fileSource(before), fileSource(now)];
  try {
    const inside = differenceInside(one, two, words);
    if (inside === undefined || !/^(byte|one is longer)/.test(inside)) return inside;
    const folders = await unpack(before, now);
    const unpacked = folders && (await inTrees(...folders, '', words, unpack));
    return unpacked ?? inside;
  } finally {
    one.close();
    two.close();
  }
}
