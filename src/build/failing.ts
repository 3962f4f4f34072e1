import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Diagnostic, Failure, fail } from '../diagnostic.ts';
import type { Task } from '../graph/task.ts';
import { quote } from '../kinds/script.ts';
import type { BuildOptions } from './options.ts';
import type { Attempt } from './running.ts';
import type { Session } from './session.ts';
import { storeFailure } from './store.ts';

/** A task that was not tried because something it needs failed, or because the build was stopped. */
export class NotTried extends Error {}

/** What fails in a build: told once each, its work kept for who looks into it, the rest stopped. */
export class Failures {
  /** Aborted when the build is to stop: by who started it, or by the first failure. */
  readonly signal: AbortSignal;
  /** What went wrong, in the order in which it did. */
  readonly diagnostics: Diagnostic[] = [];
  /** Tasks that failed. */
  count = 0;
  readonly #stop = new AbortController();
  readonly #options: BuildOptions;
  readonly #session: Session;

  constructor(options: BuildOptions, session: Session) {
    this.#options = options;
    this.#session = session;
    this.signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  /** Reports a task's failure once and turns it into what its dependants see. A bug stays what it is. */
  report(task: Task, error: unknown, facts: Attempt): unknown {
    const { emit } = this.#options;
    const cancelled = this.signal.aborted;
    const expected = error instanceof NotTried ? undefined : this.#expected(task, error);
    if (facts.scratch && (cancelled || !expected || isFull(expected))) this.#session.discard(facts.scratch);
    if (!expected) return error;
    if (!cancelled) {
      this.count += 1;
      this.diagnostics.push(...expected.diagnostics);
      if (!this.#options.keepGoing) this.#stop.abort();
    }
    const command = cancelled || isFull(expected) ? undefined : this.#keepFailed(task, facts);
    emit({
      type: 'task-failed',
      at: Date.now(),
      task: task.id,
      title: task.title,
      took: Date.now() - facts.started,
      outcome: cancelled ? 'cancelled' : 'failed',
      diagnostics: expected.diagnostics,
      log: facts.log,
      tail: facts.scratch ? tailOf(facts.log) : [],
      ...(command !== undefined && { command }),
    });
    return new NotTried(`${task.id} failed`);
  }

  /** Keeps the half-done work of a failed task; returns the command line that runs it again there. */
  #keepFailed(task: Task, { scratch, argv }: Attempt): string | undefined {
    if (scratch !== undefined && argv !== undefined) return keepWork(scratch, argv, this.#options.failed(task.id));
    if (scratch !== undefined) this.#session.discard(scratch);
    return undefined;
  }

  /** An error that is no bug, as a Failure: diagnostics, a store that cannot be written, work stopped by cancelling. */
  #expected(task: Task, error: unknown): Failure | undefined {
    const stopped = this.signal.aborted && (error === this.signal.reason || (error as Error).name === 'AbortError');
    return stopped ? fail('task/cancelled', `${task.id} was cancelled`) : storeFailure(error);
  }
}

export function isBug(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected' && !(result.reason instanceof NotTried) && !(result.reason instanceof Failure);
}

/** A full disk is no place for work that failed for it. */
function isFull({ diagnostics }: Failure): boolean {
  return diagnostics.some(({ code }) => code === 'store/full');
}

/** Moves the half-done work of a task to where it is kept; returns the command line that runs it again there. */
function keepWork(scratch: string, argv: NonNullable<Attempt['argv']>, kept: string): string {
  try {
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(dirname(kept), { recursive: true });
    renameSync(scratch, kept);
  } catch {
    // On a full disk, say. The work stays where it is until the store is tidied.
    return argv.map(quote).join(' ');
  }
  return argv.map((word) => quote(word.replace(scratch, kept))).join(' ');
}

/** The last lines of a log; none when there is none. */
function tailOf(log: string): string[] {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-20);
  } catch {
    return [];
  }
}
