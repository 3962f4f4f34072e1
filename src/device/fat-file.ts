import { type FileHandle, open } from 'node:fs/promises';
import { bootPartition, partitionsOf } from '../image/partition-table.ts';

/** Where the bytes of a file are in an image, in order. */
export interface Extent {
  readonly at: number;
  readonly length: number;
}

/**
 * Finds a file in the root folder of a card image's boot partition, by its short name (8.3). Undefined when there is none,
 * or nothing that can be read as a FAT. Source: Microsoft's "FAT: General Overview of On-Disk Format" (fatgen103).
 */
export async function findBootFile(image: string, name: string): Promise<Extent[] | undefined> {
  const partition = bootPartition((await partitionsOf(image)) ?? []);
  if (partition === undefined) return undefined;
  const file = await open(image, 'r');
  try {
    const fat = await readFat(file, partition.offset);
    return fat && (await fileIn(fat, name));
  } finally {
    await file.close();
  }
}

interface Fat {
  readonly file: FileHandle;
  readonly bits: 12 | 16 | 32;
  readonly clusterSize: number;
  /** Where things are in the image. */
  readonly tableAt: number;
  readonly rootAt: number;
  readonly rootSize: number;
  readonly dataAt: number;
  readonly rootCluster: number;
}

async function readFat(file: FileHandle, offset: number): Promise<Fat | undefined> {
  const boot = await bytesAt(file, { at: offset, length: 512 });
  const sector = boot.readUInt16LE(11);
  const tables = boot.readUInt8(16);
  const clusterSize = boot.readUInt8(13) * sector;
  if (boot.readUInt16LE(510) !== 0xaa55 || clusterSize === 0) return undefined;
  // FAT32 has these two elsewhere, and no place of its own for the root folder.
  const tableSize = (boot.readUInt16LE(22) || boot.readUInt32LE(36)) * sector;
  const tableAt = offset + boot.readUInt16LE(14) * sector;
  const rootAt = tableAt + tables * tableSize;
  const rootSize = boot.readUInt16LE(17) * 32;
  const dataAt = rootAt + rootSize;
  const size = (boot.readUInt16LE(19) || boot.readUInt32LE(32)) * sector;
  const bits = boot.readUInt16LE(22) === 0 ? 32 : (offset + size - dataAt) / clusterSize < FAT16_LEAST ? 12 : 16;
  const rootCluster = bits === 32 ? boot.readUInt32LE(44) : 0;
  return { file, bits, clusterSize, tableAt, rootAt, rootSize, dataAt, rootCluster };
}

/** With fewer clusters it is a FAT12. */
const FAT16_LEAST = 4085;

async function fileIn(fat: Fat, name: string): Promise<Extent[] | undefined> {
  const [base = '', extension = ''] = name.toUpperCase().split('.');
  const wanted = base.padEnd(8) + extension.padEnd(3);
  const folder =
    fat.bits === 32
      ? await chain(fat, fat.rootCluster, Number.POSITIVE_INFINITY)
      : [{ at: fat.rootAt, length: fat.rootSize }];
  for (const extent of folder) {
    const entries = await bytesAt(fat.file, extent);
    for (let at = 0; at < entries.length; at += ENTRY) {
      const attributes = entries.readUInt8(at + 11);
      // Parts of long names, labels and folders.
      if ((attributes & 0x18) !== 0 || entries.toString('latin1', at, at + 11) !== wanted) continue;
      const cluster = entries.readUInt16LE(at + 20) * 2 ** 16 + entries.readUInt16LE(at + 26);
      return chain(fat, cluster, entries.readUInt32LE(at + 28));
    }
  }
  return undefined;
}

const ENTRY = 32;

/** The clusters from one on, as far as so many bytes reach. */
async function chain(fat: Fat, first: number, size: number): Promise<Extent[]> {
  const extents: Extent[] = [];
  for (let cluster = first, left = size; cluster >= 2 && cluster < END[fat.bits] && left > 0; ) {
    const at = fat.dataAt + (cluster - 2) * fat.clusterSize;
    extents.push({ at, length: Math.min(left, fat.clusterSize) });
    left -= fat.clusterSize;
    cluster = await nextCluster(fat, cluster);
  }
  return extents;
}

async function nextCluster({ file, bits, tableAt }: Fat, cluster: number): Promise<number> {
  const at = tableAt + Math.floor((cluster * bits) / 8);
  const link = await bytesAt(file, { at, length: 4 });
  if (bits === 32) return link.readUInt32LE() & 0x0fffffff;
  if (bits === 16) return link.readUInt16LE();
  return cluster % 2 === 0 ? link.readUInt16LE() & 0xfff : link.readUInt16LE() >> 4;
}

/** Marks of the last cluster, and of bad ones. */
const END = { 12: 0xff7, 16: 0xfff7, 32: 0x0ffffff7 };

async function bytesAt(file: FileHandle, { at, length }: Extent): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, at);
  return bytes;
}
