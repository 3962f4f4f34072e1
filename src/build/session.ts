import { setTimeout as delay } from 'node:timers/promises';
import { Jobserver } from './jobserver.ts';
import { enter, sweep } from './presence.ts';
import type { Store } from './store.ts';

/** What a builder holds in the store while it is at work: its presence, its jobserver, its temporary folders. */
export class Session {
  readonly #store: Store;
  readonly #jobs: number;
  readonly #load: number | undefined;
  readonly #cleaning: Promise<void>[] = [];
  #leave: Promise<() => void> | undefined;
  #jobserver: Promise<Jobserver> | undefined;

  constructor(store: Store, jobs: number, load?: number) {
    this.#store = store;
    this.#jobs = jobs;
    this.#load = load;
  }

  /** Shows others that somebody is at work in the store, until `close`. */
  async begin(): Promise<void> {
    this.#leave ??= enter(this.#store);
    await this.#leave;
  }

  /** The one jobserver of all tasks; `tree` has the program that makes its pipe. */
  jobserver(tree: string): Promise<Jobserver> {
    this.#jobserver ??= Jobserver.create(this.#store.temporary('jobserver'), tree, this.#jobs, this.#load);
    return this.#jobserver;
  }

  /** Removes a folder while the build goes on. */
  discard(folder: string): void {
    this.#cleaning.push(this.#store.discard(folder));
  }

  /**
   * Ends it all, and removes what processes that are gone left in the store. `hurried`: somebody waits for the end, so what
   * takes long to remove is left to the next build's sweep.
   */
  async close(hurried: boolean): Promise<void> {
    const jobserver = await this.#jobserver?.catch(() => undefined);
    this.#jobserver = undefined;
    jobserver?.close();
    const tidying = this.#tidy().catch(() => {});
    await (hurried ? Promise.race([tidying, delay(PATIENCE, undefined, { ref: false })]) : tidying);
    (await this.#leave)?.();
    this.#leave = undefined;
  }

  async #tidy(): Promise<void> {
    await Promise.allSettled(this.#cleaning);
    await this.#store.discard(this.#store.paths.temporaryOf(this.#store.session));
    await sweep(this.#store);
  }
}

/** How many milliseconds removing may take when somebody waits for the end. */
const PATIENCE = 300;
