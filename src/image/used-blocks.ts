import type { ByteSource } from './tar-reader.ts';

/**
 * Which blocks of a card image a card must hold. Not just those that are not zero: a card is rarely empty, and what
 * was on it before would show through wherever the image means zeros. A zero in a FAT's table says "free"; a journal's
 * zeros say "nothing to repeat", and since a board's filesystem has the same id in every build, an old card's journal
 * would be taken for its own.
 *
 * So these are needed: all before the first partition; of an ext4 what its block bitmaps say is used; of every other
 * partition all up to its last block that is not zero; and whatever is not zero besides.
 */

export const IMAGE_BLOCK = 4096;

/** One byte for each block of the image: 1 where it is needed. `pause` is awaited now and then. */
export async function usedBlocks(image: ByteSource, pause: () => Promise<void>): Promise<Uint8Array> {
  const used = await nonZeroBlocks(image, pause);
  const partitions = partitionsOf(image);
  used.fill(1, 0, partitions[0]?.first ?? used.length);
  for (const partition of partitions) {
    if (isExt4(image, partition)) addExt4(image, partition, used);
    else used.fill(1, partition.first, used.subarray(0, partition.end).lastIndexOf(1) + 1);
  }
  return used;
}

/** In blocks. */
interface Range {
  readonly first: number;
  readonly end: number;
}

const CHUNK = 1024 * 1024;
const SECTOR = 512;

async function nonZeroBlocks(image: ByteSource, pause: () => Promise<void>): Promise<Uint8Array> {
  const used = new Uint8Array(Math.ceil(image.size / IMAGE_BLOCK));
  const chunk = Buffer.alloc(CHUNK);
  const zeros = Buffer.alloc(CHUNK);
  for (let at = 0; at < image.size; at += CHUNK) {
    const part = chunk.subarray(0, Math.min(CHUNK, image.size - at));
    image.read(part, at);
    if (!part.equals(zeros.subarray(0, part.length))) {
      for (let start = 0; start < part.length; start += IMAGE_BLOCK) {
        const block = part.subarray(start, start + IMAGE_BLOCK);
        if (!block.equals(zeros.subarray(0, block.length))) used[(at + start) / IMAGE_BLOCK] = 1;
      }
    }
    await pause();
  }
  return used;
}

/** The primary partitions of the MBR, in the order of the disk. */
function partitionsOf(image: ByteSource): Range[] {
  const sector = bytes(image, 0, SECTOR);
  return [446, 462, 478, 494]
    .map((at) => ({ type: sector[at + 4], start: sector.readUInt32LE(at + 8), sectors: sector.readUInt32LE(at + 12) }))
    .filter(({ type, sectors }) => type !== 0 && sectors > 0)
    .map(({ start, sectors }) => ({
      first: Math.floor((start * SECTOR) / IMAGE_BLOCK),
      end: Math.ceil(((start + sectors) * SECTOR) / IMAGE_BLOCK),
    }))
    .sort((a, b) => a.first - b.first);
}

// The layout of ext4: Documentation/filesystems/ext4/{super,group_descr}.rst of the kernel.
const SUPERBLOCK = 1024;
const MAGIC = 0xef53;
const BLOCK_UNINIT = 0x2;

function isExt4(image: ByteSource, { first, end }: Range): boolean {
  if ((end - first) * IMAGE_BLOCK < 2 * SUPERBLOCK) return false;
  return bytes(image, first * IMAGE_BLOCK + SUPERBLOCK, 1024).readUInt16LE(0x38) === MAGIC;
}

function addExt4(image: ByteSource, { first, end }: Range, used: Uint8Array): void {
  const start = first * IMAGE_BLOCK;
  const superblock = bytes(image, start + SUPERBLOCK, 1024);
  const blockSize = 1024 << superblock.readUInt32LE(0x18);
  if (blockSize !== IMAGE_BLOCK) {
    used.fill(1, first, end);
    return;
  }
  const blocks = superblock.readUInt32LE(0x4);
  const perGroup = superblock.readUInt32LE(0x20);
  const size64 = (superblock.readUInt32LE(0x60) & 0x80) !== 0 ? superblock.readUInt16LE(0xfe) : 32;
  const groups = Math.ceil(blocks / perGroup);
  const descriptors = bytes(image, start + blockSize, groups * size64);
  for (let group = 0; group < groups; group++) {
    const descriptor = descriptors.subarray(group * size64, (group + 1) * size64);
    // Nothing but the group's own tables is in use, and those are not zero or in another group.
    if ((descriptor.readUInt16LE(0x12) & BLOCK_UNINIT) !== 0) continue;
    const bitmap = bytes(image, start + descriptor.readUInt32LE(0) * blockSize, blockSize);
    for (let bit = 0; bit < perGroup && group * perGroup + bit < blocks; bit++) {
      if (((bitmap[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0) used[first + group * perGroup + bit] = 1;
    }
  }
}

function bytes(image: ByteSource, position: number, length: number): Buffer {
  const result = Buffer.alloc(length);
  image.read(result, position);
  return result;
}
