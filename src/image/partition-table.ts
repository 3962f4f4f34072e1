import { open } from 'node:fs/promises';

/** An entry of a classic partition table (MBR), in bytes. */
export interface PartitionEntry {
  /** 1 to 4, as in mmcblk0p1. */
  readonly number: number;
  /** The type byte: 0x0c is FAT32, 0x83 Linux. */
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

/** How much of a disk `readPartitionTable` needs. */
export const SECTOR = 512;

/** Types that the Pi's firmware takes for FAT: FAT12, FAT16 (three of them) and FAT32 (two). */
const FAT_TYPES = new Set([0x01, 0x04, 0x06, 0x0e, 0x0b, 0x0c]);

/**
 * The four primary partitions of a disk's first sector, without empty ones; undefined when it is no partition table.
 * Layout: four entries of 16 bytes at 446 (type at 4, first sector at 8, sectors at 12, little endian), 55 AA at the end.
 */
export function readPartitionTable(sector: Uint8Array): PartitionEntry[] | undefined {
  if (sector.length < SECTOR || sector[510] !== 0x55 || sector[511] !== 0xaa) return undefined;
  const view = new DataView(sector.buffer, sector.byteOffset, SECTOR);
  return [0, 1, 2, 3]
    .map((index) => entry(view, index))
    .filter((partition) => partition.type !== 0 && partition.size > 0);
}

/** The partitions of a disk or of an image of one; undefined when it has no partition table. */
export async function partitionsOf(image: string): Promise<PartitionEntry[] | undefined> {
  const sector = Buffer.alloc(SECTOR);
  const file = await open(image, 'r');
  try {
    await file.read(sector, 0, SECTOR, 0);
  } finally {
    await file.close();
  }
  return readPartitionTable(sector);
}

/** The partition that the firmware boots from: the first FAT one. */
export function bootPartition(partitions: readonly PartitionEntry[]): PartitionEntry | undefined {
  return partitions.find((partition) => FAT_TYPES.has(partition.type));
}

function entry(view: DataView, index: number): PartitionEntry {
  const at = 446 + 16 * index;
  return {
    number: index + 1,
    type: view.getUint8(at + 4),
    offset: view.getUint32(at + 8, true) * SECTOR,
    size: view.getUint32(at + 12, true) * SECTOR,
  };
}
