import { createHash } from 'node:crypto';
import { closeSync, createReadStream, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { hashFile } from './hash.ts';

/** Where two results of the same task differ. */

export interface Difference {
  readonly artifact: string;
  /** In words: which file, which member of the archive, which byte. */
  readonly where: string;
}

/** The first difference between two artifacts, in words. They are known to differ. */
export async function firstDifference(before: string, now: string): Promise<string> {
  if (lstatSync(before).isDirectory()) return (await inTrees(before, now, '')) ?? 'only in modes or times';
  return (await inArchives(before, now)) ?? inBytes(before, now);
}

async function inTrees(before: string, now: string, below: string): Promise<string | undefined> {
  const [names, others] = [readdirSync(before).sort(), readdirSync(now).sort()];
  for (const name of new Set([...names, ...others])) {
    const path = `${below}${name}`;
    if (!others.includes(name)) return `'${path}' is missing in the second run`;
    if (!names.includes(name)) return `'${path}' is there only in the second run`;
    const [one, two] = [join(before, name), join(now, name)];
    const [a, b] = [lstatSync(one), lstatSync(two)];
    if (a.isDirectory() && b.isDirectory()) {
      const found = await inTrees(one, two, `${path}/`);
      if (found !== undefined) return found;
    } else if (a.isSymbolicLink() && b.isSymbolicLink()) {
      if (readlinkSync(one) !== readlinkSync(two))
        return `'${path}' points elsewhere: ${readlinkSync(one)}, ${readlinkSync(two)}`;
    } else if (a.isFile() && b.isFile()) {
      if ((a.mode & 0o100) !== (b.mode & 0o100)) return `'${path}' is executable in only one run`;
      if (a.size !== b.size || (await hashFile(one)).hash !== (await hashFile(two)).hash) {
        return `'${path}': ${(await inArchives(one, two)) ?? inBytes(one, two)}`;
      }
    } else return `'${path}' is of another type`;
  }
  return undefined;
}

interface Member {
  readonly header: string;
  readonly hash: string;
}

/** The first difference between the members of two tars, or undefined when they are no tars. */
async function inArchives(before: string, now: string): Promise<string | undefined> {
  const [one, two] = [await members(before), await members(now)];
  if (!one || !two) return undefined;
  for (const [name, member] of one) {
    const other = two.get(name);
    if (!other) return `member '${name}' is missing in the second run`;
    if (member.header !== other.header) return `member '${name}': ${member.header} became ${other.header}`;
    if (member.hash !== other.hash) return `member '${name}' has other bytes`;
  }
  for (const name of two.keys()) if (!one.has(name)) return `member '${name}' is there only in the second run`;
  return 'the same members in another order or form';
}

async function members(path: string): Promise<Map<string, Member> | undefined> {
  const magic = Buffer.alloc(5);
  const file = openSync(path, 'r');
  readSync(file, magic, 0, 5, 257);
  closeSync(file);
  if (magic.toString() !== 'ustar') return undefined;
  const found = new Map<string, Member>();
  const tar = await import('tar-stream');
  const extract = tar.extract();
  extract.on('entry', (header, stream, next) => {
    const sum = createHash('sha256');
    stream.on('data', (chunk) => sum.update(chunk as Buffer));
    stream.on('end', () => {
      const { type, mode, uid, gid, size, mtime, linkname } = header;
      const facts = [type, mode?.toString(8), `${uid}:${gid}`, size, mtime?.toISOString(), linkname ?? ''].join(' ');
      found.set(header.name, { header: facts.trim(), hash: sum.digest('hex') });
      next();
    });
  });
  await pipeline(createReadStream(path), extract);
  return found;
}

function inBytes(before: string, now: string): string {
  const [a, b] = [openSync(before, 'r'), openSync(now, 'r')];
  const [one, two] = [Buffer.alloc(1 << 16), Buffer.alloc(1 << 16)];
  try {
    for (let offset = 0; ; offset += one.length) {
      const [read, other] = [readSync(a, one, 0, one.length, offset), readSync(b, two, 0, two.length, offset)];
      const end = Math.min(read, other);
      for (let at = 0; at < end; at++) if (one[at] !== two[at]) return `byte ${offset + at} is the first that differs`;
      if (read !== other) return `one is longer: they differ from byte ${offset + end} on`;
      if (read === 0) return 'only in the executable bit';
    }
  } finally {
    closeSync(a);
    closeSync(b);
  }
}
