import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';

/** Git's pack files (gitformat-pack(5)), version 2 with SHA-1: the objects of a commit, checked by their own names. */

export type GitObjectType = 'commit' | 'tree' | 'blob' | 'tag';

export interface GitObject {
  readonly type: GitObjectType;
  readonly data: Buffer;
}

/** What is wrong with what a git server sent, in words for people. */
export class GitError extends Error {
  override readonly name = 'GitError';
}

/** The objects of a pack that needs no other, by their names. Throws `GitError`. */
export function readPack(pack: Buffer): Map<string, GitObject> {
  if (pack.length < 32 || pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2) {
    throw new GitError('what came is no pack of version 2');
  }
  const end = pack.length - HASH;
  if (!createHash('sha1').update(pack.subarray(0, end)).digest().equals(pack.subarray(end))) {
    throw new GitError('the pack is damaged');
  }
  const entries = readEntries(pack.subarray(0, end), pack.readUInt32BE(8));
  return resolveEntries(entries);
}

/** A file of a commit. */
export interface GitFile {
  readonly path: string;
  readonly type: 'file' | 'symlink' | 'submodule';
  readonly executable: boolean;
  /** A symbolic link's is its target. */
  readonly data: Buffer;
}

/** The files of a commit, in the order of their paths. Throws `GitError`. */
export function filesOf(objects: ReadonlyMap<string, GitObject>, commit: string): GitFile[] {
  const text = find(objects, commit, 'commit').toString('latin1');
  const tree = /^tree ([0-9a-f]{40})\n/.exec(text)?.[1];
  if (tree === undefined) throw new GitError(`commit ${commit} names no tree`);
  const files = [...walk(objects, tree, '')];
  return files.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

const HASH = 20;

interface Entry {
  readonly offset: number;
  readonly type: GitObjectType | 'delta';
  readonly data: Buffer;
  /** Of a delta: the offset or the name of what it changes. */
  readonly base?: number | string;
}

const types: Readonly<Record<number, GitObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };
const OFFSET_DELTA = 6;
const NAME_DELTA = 7;

function readEntries(pack: Buffer, count: number): Entry[] {
  const entries: Entry[] = [];
  for (let at = 12; entries.length < count; ) {
    const offset = at;
    let byte = byteAt(pack, at++);
    const kind = (byte >> 4) & 7;
    let size = byte & 15;
    for (let scale = 16; byte & 0x80; scale *= 128) {
      byte = byteAt(pack, at++);
      size += (byte & 0x7f) * scale;
    }
    let base: number | string | undefined;
    if (kind === OFFSET_DELTA) {
      byte = byteAt(pack, at++);
      let back = byte & 0x7f;
      while (byte & 0x80) {
        byte = byteAt(pack, at++);
        back = (back + 1) * 128 + (byte & 0x7f);
      }
      base = offset - back;
    } else if (kind === NAME_DELTA) {
      base = pack.toString('hex', at, at + HASH);
      at += HASH;
    }
    const { data, used } = inflate(pack.subarray(at), size);
    at += used;
    const type = base === undefined ? types[kind] : 'delta';
    if (type === undefined) throw new GitError(`an object of the pack is of unknown type ${kind}`);
    entries.push({ offset, type, data, ...(base !== undefined && { base }) });
  }
  return entries;
}

function byteAt(pack: Buffer, at: number): number {
  const byte = pack[at];
  if (byte === undefined) throw new GitError('the pack ends too early');
  return byte;
}

/** What is compressed at the begin of some bytes, and how many of them it takes. */
function inflate(bytes: Buffer, size: number): { data: Buffer; used: number } {
  try {
    // With `info` the result is not a buffer but has one; the types do not say so.
    const result: unknown = inflateSync(bytes, { info: true, maxOutputLength: Math.max(size, 1) });
    const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
    if (buffer.length !== size) throw new GitError('an object of the pack is not as long as it says');
    return { data: buffer, used: engine.bytesWritten };
  } catch (error) {
    if (error instanceof GitError) throw error;
    throw new GitError(`an object of the pack cannot be unpacked: ${(error as Error).message}`);
  }
}

/** Deltas may come before what they change, so they are taken in rounds. */
function resolveEntries(entries: readonly Entry[]): Map<string, GitObject> {
  const objects = new Map<string, GitObject>();
  const places = new Map<number, GitObject>();
  const keep = (offset: number, object: GitObject): void => {
    places.set(offset, object);
    objects.set(nameOf(object), object);
  };
  let open: Entry[] = [];
  for (const entry of entries) {
    if (entry.type === 'delta') open.push(entry);
    else keep(entry.offset, { type: entry.type, data: entry.data });
  }
  while (open.length > 0) {
    const left: Entry[] = [];
    for (const entry of open) {
      const base = typeof entry.base === 'number' ? places.get(entry.base) : objects.get(entry.base ?? '');
      if (base) keep(entry.offset, { type: base.type, data: applyDelta(base.data, entry.data) });
      else left.push(entry);
    }
    if (left.length === open.length) throw new GitError('the pack changes objects that it does not have');
    open = left;
  }
  return objects;
}

function nameOf({ type, data }: GitObject): string {
  return createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
}

/** "Deltified representation" of gitformat-pack(5): two lengths, then what to copy and what to insert. */
function applyDelta(base: Buffer, delta: Buffer): Buffer {
  let at = 0;
  const next = (): number => byteAt(delta, at++);
  const length = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = next();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const number = (bits: number, bytes: number): number => {
    let value = 0;
    for (let index = 0; index < bytes; index++) if (bits & (1 << index)) value += next() * 256 ** index;
    return value;
  };
  if (length() !== base.length) throw new GitError('an object of the pack changes another one than it says');
  const result = Buffer.alloc(length());
  let end = 0;
  while (at < delta.length) {
    const order = next();
    if (order === 0) throw new GitError('an object of the pack has an order that git does not know');
    if (order & 0x80) {
      const from = number(order & 0x0f, 4);
      const count = number((order >> 4) & 7, 3) || 0x10000;
      end += base.copy(result, end, from, from + count);
    } else {
      end += delta.copy(result, end, at, at + order);
      at += order;
    }
  }
  if (end !== result.length) throw new GitError('an object of the pack is not as long as it says');
  return result;
}

function find(objects: ReadonlyMap<string, GitObject>, name: string, type: GitObjectType): Buffer {
  const object = objects.get(name);
  if (object === undefined) throw new GitError(`the server did not send the ${type} ${name}`);
  if (object.type !== type) throw new GitError(`${name} is a ${object.type}, not a ${type}`);
  return object.data;
}

/** Entries of a tree: `MODE NAME`, NUL, and the name of the object as 20 bytes. */
function* walk(objects: ReadonlyMap<string, GitObject>, tree: string, folder: string): Generator<GitFile> {
  const data = find(objects, tree, 'tree');
  for (let at = 0; at < data.length; ) {
    const end = data.indexOf(0, at);
    const [, mode = '', name = ''] = /^([0-7]+) (.+)$/s.exec(data.toString('utf8', at, end)) ?? [];
    if (end < 0 || name === '' || name.includes('/') || name === '.' || name === '..' || /^\.git$/i.test(name)) {
      throw new GitError(`the tree ${tree} has an entry that no tree may have`);
    }
    const object = data.toString('hex', end + 1, end + 1 + HASH);
    at = end + 1 + HASH;
    const path = folder + name;
    if (mode === '40000') yield* walk(objects, object, `${path}/`);
    else if (mode === '160000') yield { path, type: 'submodule', executable: false, data: Buffer.alloc(0) };
    else {
      const type = mode === '120000' ? 'symlink' : 'file';
      yield { path, type, executable: mode === '100755', data: find(objects, object, 'blob') };
    }
  }
}
