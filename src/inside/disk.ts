import { readPartitionTable, SECTOR } from '../image/partition-table.ts';
import type { ByteSource } from '../image/tar-reader.ts';
import { bytesAt, type Members, slice, whole } from './member.ts';

/** The partitions of a disk image, and what is before the first of them: the table itself, a boot loader. */
export const openDisk = whole((source: ByteSource): Members | undefined => {
  if (source.size < 2 * SECTOR) return undefined;
  const partitions = readPartitionTable(bytesAt(source, 0, SECTOR));
  if (!partitions || partitions.length === 0) return undefined;
  // A FAT's own boot sector ends like a partition table, and what stands there makes no sense as one.
  if (partitions.some(({ offset, size }) => offset === 0 || offset + size > source.size)) return undefined;
  const first = Math.min(...partitions.map(({ offset }) => offset));
  return new Map([
    ...partitions.map(({ number, type, offset, size }) => {
      const facts = `type 0x${type.toString(16)}, ${size} bytes from ${offset} on`;
      return [String(number), { facts, content: slice(source, offset, size) }] as const;
    }),
    ['(before the first)', { facts: '', content: slice(source, 0, first) }] as const,
  ]);
});
