import { createHash } from 'node:crypto';
import type { ByteSource } from '../image/tar-reader.ts';
import { bytesAt, type Member, type Members, slice, timeText, whole } from './member.ts';

/**
 * The files of an ext4, read as the kernel's Documentation/filesystems/ext4/ has it: 4 KiB or other blocks, extents, folders
 * with or without an index (whose inner blocks look like empty ones). After the files come its `(superblock)` and
 * whatever an inode says besides.
 */
export const openExt4 = whole((source: ByteSource): Members | undefined => {
  if (source.size < SUPERBLOCK + 1024) return undefined;
  const superblock = bytesAt(source, SUPERBLOCK, 1024);
  if (superblock.readUInt16LE(0x38) !== 0xef53) return undefined;
  const filesystem = new Ext4(source, superblock);
  const members = new Map<string, Member>();
  filesystem.list(ROOT, '', members);
  for (const [path, inode] of filesystem.seen) {
    members.set(`(inode of ${path})`, {
      facts: '',
      content: slice(source, filesystem.inodeAt(inode), filesystem.inodeSize),
    });
  }
  return members.set('(superblock)', { facts: '', content: slice(source, SUPERBLOCK, 1024) });
});

const SUPERBLOCK = 1024;
const ROOT = 2;
const EXTENTS = 0x80000;

class Ext4 {
  readonly inodeSize: number;
  /** The inode of each path. */
  readonly seen = new Map<string, number>();
  readonly #source: ByteSource;
  readonly #block: number;
  readonly #perGroup: number;
  readonly #descriptor: number;
  readonly #firstBlock: number;

  constructor(source: ByteSource, superblock: Buffer) {
    this.#source = source;
    this.#block = 1024 << superblock.readUInt32LE(0x18);
    this.#firstBlock = superblock.readUInt32LE(0x14);
    this.#perGroup = superblock.readUInt32LE(0x28);
    this.inodeSize = superblock.readUInt16LE(0x58);
    const wide = (superblock.readUInt32LE(0x60) & 0x80) !== 0;
    this.#descriptor = wide ? superblock.readUInt16LE(0xfe) : 32;
  }

  /** Where an inode lies in the filesystem, in bytes. */
  inodeAt(number: number): number {
    const group = Math.floor((number - 1) / this.#perGroup);
    const descriptor = bytesAt(
      this.#source,
      (this.#firstBlock + 1) * this.#block + group * this.#descriptor,
      this.#descriptor,
    );
    const high = this.#descriptor >= 64 ? descriptor.readUInt32LE(0x28) : 0;
    const table = high * 2 ** 32 + descriptor.readUInt32LE(8);
    return table * this.#block + ((number - 1) % this.#perGroup) * this.inodeSize;
  }

  /** Adds what lies below a folder. */
  list(folder: number, below: string, members: Map<string, Member>): void {
    for (const { name, inode } of this.#entries(this.#content(this.#inode(folder)))) {
      const path = `${below}${name}`;
      if (this.seen.has(path)) throw new RangeError('a folder has a name twice');
      this.seen.set(path, inode);
      const bytes = this.#inode(inode);
      members.set(path, this.#member(bytes, inode));
      if (typeOf(bytes) === 'folder') this.list(inode, `${path}/`, members);
    }
  }

  #member(inode: Buffer, number: number): Member {
    const type = typeOf(inode);
    const size = sizeOf(inode);
    const mode = (inode.readUInt16LE(0) & 0o7777).toString(8);
    const [uid, gid] = [
      inode.readUInt16LE(0x2) + inode.readUInt16LE(0x78) * 65536,
      inode.readUInt16LE(0x18) + inode.readUInt16LE(0x7a) * 65536,
    ];
    const attributes = this.#attributes(inode);
    const facts = [
      type,
      mode,
      `${uid}:${gid}`,
      ...(type === 'file' ? [size] : []),
      timeText(inode.readUInt32LE(0x10)),
      ...(type === 'link' ? [`-> ${this.#target(inode, size)}`] : []),
      ...(type === 'device' ? [inode.readUInt32LE(0x28) || inode.readUInt32LE(0x2c)] : []),
      ...(attributes === undefined ? [] : [`attributes ${attributes}`]),
    ];
    if (number === 0) throw new RangeError('an entry without an inode');
    return { facts: facts.join(' '), ...(type === 'file' && { content: this.#content(inode) }) };
  }

  #target(inode: Buffer, size: number): string {
    return size < 60 ? inode.toString('utf8', 0x28, 0x28 + size) : bytesAt(this.#content(inode), 0, size).toString();
  }

  /** The extended attributes, behind the inode's own fields or in a block, as a short digest. */
  #attributes(inode: Buffer): string | undefined {
    const extra = inode.length > 128 ? inode.subarray(128 + inode.readUInt16LE(0x80)) : Buffer.alloc(0);
    const block = inode.readUInt32LE(0x68);
    const has = extra.length >= 4 && extra.readUInt32LE(0) === 0xea020000;
    if (!has && block === 0) return undefined;
    const sum = createHash('sha256').update(has ? extra : '');
    if (block !== 0) sum.update(bytesAt(this.#source, block * this.#block, this.#block));
    return sum.digest('hex').slice(0, 12);
  }

  #inode(number: number): Buffer {
    return bytesAt(this.#source, this.inodeAt(number), this.inodeSize);
  }

  #entries(folder: ByteSource): { name: string; inode: number }[] {
    const entries: { name: string; inode: number }[] = [];
    for (let start = 0; start < folder.size; start += this.#block) {
      const block = bytesAt(folder, start, this.#block);
      for (let at = 0; at + 8 <= block.length; ) {
        const [inode, length] = [block.readUInt32LE(at), block.readUInt16LE(at + 4)];
        if (length < 8) throw new RangeError('a folder is damaged');
        const name = block.toString('utf8', at + 8, at + 8 + (block[at + 6] ?? 0));
        if (inode !== 0 && name !== '.' && name !== '..') entries.push({ name, inode });
        at += length;
      }
    }
    return entries;
  }

  /** The bytes of an inode, holes read as zeros. */
  #content(inode: Buffer): ByteSource {
    if ((inode.readUInt32LE(0x20) & EXTENTS) === 0) throw new RangeError('blocks without extents');
    const extents = this.#extents(inode.subarray(0x28, 0x28 + 60));
    const size = sizeOf(inode);
    const block = this.#block;
    const source = this.#source;
    return {
      size,
      read(into, position) {
        into.fill(0);
        for (const { logical, length, physical } of extents) {
          const start = Math.max(position, logical * block);
          const end = Math.min(position + into.length, (logical + length) * block, size);
          if (start >= end) continue;
          source.read(into.subarray(start - position, end - position), physical * block + (start - logical * block));
        }
      },
    };
  }

  /** The leaves of a tree of extents. */
  #extents(node: Buffer): { logical: number; length: number; physical: number }[] {
    if (node.readUInt16LE(0) !== 0xf30a) throw new RangeError('no extents');
    const [entries, depth] = [node.readUInt16LE(2), node.readUInt16LE(6)];
    return Array.from({ length: entries }, (_, index) => node.subarray(12 + index * 12, 24 + index * 12)).flatMap(
      (entry) => {
        if (depth > 0) {
          const child = entry.readUInt16LE(8) * 2 ** 32 + entry.readUInt32LE(4);
          return this.#extents(bytesAt(this.#source, child * this.#block, this.#block));
        }
        const length = entry.readUInt16LE(4);
        // Longer ones are reserved and read as zeros.
        if (length > 32768) return [];
        const physical = entry.readUInt16LE(6) * 2 ** 32 + entry.readUInt32LE(8);
        return [{ logical: entry.readUInt32LE(0), length, physical }];
      },
    );
  }
}

function sizeOf(inode: Buffer): number {
  return inode.readUInt32LE(0x6c) * 2 ** 32 + inode.readUInt32LE(4);
}

function typeOf(inode: Buffer): 'file' | 'folder' | 'link' | 'device' | 'other' {
  const type = inode.readUInt16LE(0) >> 12;
  if (type === 8) return 'file';
  if (type === 4) return 'folder';
  if (type === 10) return 'link';
  return type === 2 || type === 6 ? 'device' : 'other';
}
