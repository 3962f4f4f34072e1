import type { Pool } from '../graph/task.ts';

/** How many tasks of each pool run at once. */
export type PoolSizes = Readonly<Record<Pool, number>>;

const GIB = 1024 ** 3;

/**
 * What a machine with so much memory (bytes) and so many jobs can do at once. Each size is what is scarce: mirrors answer
 * three downloads as fast as thirty, two writers keep a disk busy, a kernel's link or a compressor holds up to 2 GiB, an
 * emulated board or userland up to 1.5 GiB, and a compiler 0.5 GiB.
 */
export function poolSizes(memory: number, jobs: number): PoolSizes {
  const fitting = (bytes: number) => Math.max(1, Math.floor(memory / bytes));
  return {
    network: 3,
    disk: 2,
    compile: fitting(GIB / 2),
    link: fitting(2 * GIB),
    emulator: Math.min(fitting(1.5 * GIB), Math.max(1, Math.floor(jobs / 2))),
  };
}
