import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from './command.ts';
import { throughLoader } from './sandbox.ts';

/**
 * One GNU make jobserver for all compilers (POSIX jobserver protocol of GNU make 4.4, style `fifo`): N cores run N
 * jobs, however many makes there are. Every running task has one job without asking, as a make has by the protocol;
 * for each task beyond the first one token is taken out of the pipe as soon as one lies there.
 */
export class Jobserver {
  readonly path: string;
  readonly #file: number;
  readonly #jobs: number;
  readonly #load: number | undefined;
  #running = 0;
  #taken = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(path: string, jobs: number, load: number | undefined) {
    this.path = path;
    this.#jobs = jobs;
    this.#load = load;
    // Opened for both directions so that the pipe stays open and neither side ever blocks.
    this.#file = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#put(jobs - 1);
  }

  /** Makes the named pipe in a folder, by `mkfifo` of a tools tree. */
  static async create(folder: string, tree: string, jobs: number, load?: number): Promise<Jobserver> {
    const path = join(folder, 'jobserver');
    await capture([...throughLoader(tree, 'usr/bin/mkfifo'), path]);
    return new Jobserver(path, jobs, load);
  }

  /** What a make finds in MAKEFLAGS inside the sandbox, where the pipe is bound to `target`. */
  makeFlags(target: string): string {
    const load = this.#load === undefined ? '' : ` -l${this.#load}`;
    return `-j${this.#jobs}${load} --jobserver-auth=fifo:${target}`;
  }

  /** A task begins; resolves at once. The function returned says that it ended. */
  begin(): () => void {
    this.#running += 1;
    this.#settle();
    return () => {
      this.#running -= 1;
      this.#settle();
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    closeSync(this.#file);
  }

  /** Brings the tokens taken to one less than the tasks running, now or as soon as tokens come back. */
  #settle(): void {
    clearTimeout(this.#timer);
    const due = Math.min(Math.max(0, this.#running - 1), this.#jobs - 1);
    if (this.#taken > due) this.#put(this.#taken - due);
    if (this.#taken > due) this.#taken = due;
    while (this.#taken < due && this.#get()) this.#taken += 1;
    if (this.#taken < due) this.#timer = setTimeout(() => this.#settle(), 20).unref();
  }

  #put(count: number): void {
    if (count > 0) writeSync(this.#file, Buffer.alloc(count, '+'));
  }

  #get(): boolean {
    try {
      return readSync(this.#file, Buffer.alloc(1)) === 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw error;
    }
  }
}
