import { access } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { run } from '../build/command.ts';
import { throughLoader } from '../build/sandbox.ts';
import { type PartitionEntry, partitionsOf } from '../image/partition-table.ts';
import { type Disk, partitionsSeen } from './block-device.ts';

/**
 * Waits until the kernel sees the partitions of the image that a disk holds now. udev asks it to look whenever a disk
 * that was written to is closed, so where it runs there is nothing to do but to wait a moment.
 */
export async function seesPartitions(disk: Disk, image: string, signal: AbortSignal): Promise<boolean> {
  const expected = (await partitionsOf(image)) ?? [];
  const patience = (await isThere(UDEV)) ? 30 : 1;
  for (let tries = 0; tries < patience; tries++) {
    if (tries > 0) await wait(100, undefined, { signal });
    if (same(expected, await partitionsSeen(disk))) return true;
  }
  return false;
}

/** Asks the kernel to read the partition table of a disk (BLKRRPART), which root may: `tools` is a tree with blockdev. */
export async function rereadTable(disk: Disk, tools: string, signal: AbortSignal): Promise<boolean> {
  const argv = [...throughLoader(tools, 'usr/sbin/blockdev'), '--rereadpt', disk.path];
  return (await run({ argv, signal })).code === 0;
}

const UDEV = '/run/udev/control';

type Place = Pick<PartitionEntry, 'number' | 'offset' | 'size'>;

function same(expected: readonly Place[], seen: readonly Place[]): boolean {
  const words = (partitions: readonly Place[]) =>
    partitions.map(({ number, offset, size }) => `${number} ${offset} ${size}`).join();
  return words(expected) === words(seen);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
