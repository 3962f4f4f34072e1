import type { Pool, Task, TaskId } from '../graph/task.ts';
import { Slots } from './slots.ts';

/** How many tasks of a pool run at once. */
const POOL_SIZES: Readonly<Record<Pool, number>> = {
  network: 3,
  compile: Number.POSITIVE_INFINITY,
  disk: 2,
  emulator: 1,
};

/** Whose turn it is: so many tasks at once, of each pool so many, the longest way to the end of the build first. */
export class Turns {
  /** By task, the length of the way from its start to the end of the build. */
  priorities: ReadonlyMap<TaskId, number> = new Map();
  readonly #slots: Slots;
  readonly #pools: Readonly<Record<Pool, Slots>>;

  constructor(jobs: number) {
    this.#slots = new Slots(jobs);
    this.#pools = {
      network: new Slots(POOL_SIZES.network),
      compile: new Slots(POOL_SIZES.compile),
      disk: new Slots(POOL_SIZES.disk),
      emulator: new Slots(POOL_SIZES.emulator),
    };
  }

  /** Does something when the task's turn has come. Its inputs are made before, so nobody waits for one while holding a place. */
  async take<T>(task: Task, action: () => Promise<T>): Promise<T> {
    const priority = this.priorities.get(task.id) ?? 0;
    const pool = task.pool && (await this.#pools[task.pool].take(priority));
    // Downloads wait for the network, not for a processor.
    const slot = task.pool === 'network' ? undefined : await this.#slots.take(priority);
    try {
      return await action();
    } finally {
      slot?.();
      pool?.();
    }
  }
}
