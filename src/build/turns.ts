import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Task, TaskId } from '../graph/task.ts';
import type { PoolSizes } from './pools.ts';
import { Slots } from './slots.ts';

export interface TurnOptions {
  /** How many tasks run at once. */
  readonly jobs: number;
  readonly pools: PoolSizes;
  /** No task is begun while another one runs and the load is this or more, as with `make -l` and `ninja -l`. */
  readonly load?: number;
  /** The load average of the last minute. */
  readonly currentLoad?: () => number;
  /** Resolves when the load is to be looked at again. */
  readonly wait?: () => Promise<void>;
}

/** Whose turn it is: so many tasks at once, of each pool so many, the longest way to the end of the build first. */
export class Turns {
  /** By task, the length of the way from its start to the end of the build. */
  priorities: ReadonlyMap<TaskId, number> = new Map();
  readonly #options: TurnOptions;
  readonly #slots: Slots;
  readonly #pools: Readonly<Record<keyof PoolSizes, Slots>>;
  /** Tasks that run, but for downloads, which wait for the network and not for a processor. */
  #running = 0;

  constructor(options: TurnOptions) {
    const { jobs, pools } = options;
    this.#options = options;
    this.#slots = new Slots(jobs);
    this.#pools = {
      network: new Slots(pools.network),
      compile: new Slots(pools.compile),
      link: new Slots(pools.link),
      disk: new Slots(pools.disk),
      emulator: new Slots(pools.emulator),
    };
  }

  /** Does something when the task's turn has come. Its inputs are made before, so nobody waits for one while holding a place. */
  async take<T>(task: Task, action: () => Promise<T>): Promise<T> {
    const priority = this.priorities.get(task.id) ?? 0;
    const pool = task.pool && (await this.#pools[task.pool].take(priority));
    if (task.pool === 'network') return action().finally(() => pool?.());
    const slot = await this.#slots.take(priority);
    try {
      await this.#begin();
      return await action().finally(() => {
        this.#running -= 1;
      });
    } finally {
      slot();
      pool?.();
    }
  }

  /** Counts as running from when the load allows it. */
  async #begin(): Promise<void> {
    const { load = Number.POSITIVE_INFINITY, currentLoad = () => loadavg()[0] ?? 0, wait = pause } = this.#options;
    while (this.#running > 0 && currentLoad() >= load) await wait();
    this.#running += 1;
  }
}

/** The kernel takes the load every five seconds. */
function pause(): Promise<void> {
  return sleep(1000);
}
