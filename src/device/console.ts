import type { Duplex } from 'node:stream';
import { type Failure, fail } from '../diagnostic.ts';
import { cleaner, kernelPanic } from './transcript.ts';

/** A place in what the console has printed: how many characters came before it. */
export type Position = number;

export interface WaitOptions {
  /** Milliseconds, before scaling. */
  readonly timeout: number;
  /** What is waited for, as the message of a timeout names it: `a login prompt`. */
  readonly what: string;
  /** Looks only at what was printed from there on. Absent: at everything. */
  readonly since?: Position;
}

/** A serial console as a value: what was printed, waiting for something to be printed, and typing. */
export interface Console {
  /** Everything printed, as clean text (`transcript.ts`); of very much, the later part. */
  readonly transcript: string;
  /** The end of what was printed. */
  readonly position: Position;
  /** What was printed from a position on. */
  textSince(position: Position): string;
  send(text: string): void;
  /** Waits until the text matches. Throws a `Failure`: `device/timeout`, `device/panic`, `device/stopped`. */
  expect(pattern: RegExp, options: WaitOptions): Promise<RegExpExecArray>;
  /** Waits until `find`, which sees the text so far, gives a value. Throws as `expect` does. */
  waitFor<Value>(find: (text: string) => Value | undefined, options: WaitOptions): Promise<Value>;
  /** Ends every waiting, now and later, with this error. */
  fail(error: Error): void;
}

/** What all time limits are multiplied by: more than 1 on a slow machine. It may change as that is found out. */
export interface Pace {
  scale: number;
}

export interface ConsoleOptions {
  readonly pace: Pace;
  /** Ends every waiting with its reason. */
  readonly signal: AbortSignal;
  /** Gives the reason when the stream has ended; absent: nobody knows. */
  readonly ended?: Promise<Failure>;
}

interface Waiter {
  readonly attempt: () => boolean;
  readonly reject: (error: Error) => void;
}

/** Of a guest that never stops printing, so many characters are kept. */
const KEPT = 16 * 1024 * 1024;

/** After a kernel panic, how many milliseconds its call trace has to reach the log. */
const LAST_WORDS = 1000;

/** The console at the other end of a stream of bytes. */
export function openConsole(stream: Duplex, options: ConsoleOptions): Console {
  const clean = cleaner();
  const waiters = new Set<Waiter>();
  let text = '';
  let dropped = 0;
  let looked = 0;
  let looking = false;
  let panicked = false;
  let ended: Error | undefined;

  const textSince = (position: Position): string => text.slice(Math.max(0, position - dropped));
  const end = (error: Error): void => {
    ended ??= error;
    for (const waiter of [...waiters]) if (!waiter.attempt()) waiter.reject(ended);
    waiters.clear();
  };
  const look = (): void => {
    looking = false;
    for (const waiter of [...waiters]) waiter.attempt();
    const panic = panicked ? undefined : kernelPanic(textSince(looked));
    looked = dropped + text.lastIndexOf('\n') + 1;
    if (panic === undefined) return;
    panicked = true;
    setTimeout(() => end(fail('device/panic', `the kernel gave up: ${panic}`)), LAST_WORDS).unref();
  };
  stream.on('data', (chunk: Buffer) => {
    text += clean(chunk);
    if (text.length > KEPT) {
      dropped += text.length - KEPT / 2;
      text = text.slice(-KEPT / 2);
    }
    if (!looking) setImmediate(look);
    looking = true;
  });
  const closed = (): void => {
    look();
    const reason = options.ended ?? Promise.resolve(fail('device/stopped', 'the emulated board stopped'));
    void reason.then(end);
  };
  stream.on('end', closed).on('error', closed).on('close', closed);
  const aborted = (): void => end(options.signal.reason as Error);
  if (options.signal.aborted) aborted();
  options.signal.addEventListener('abort', aborted, { once: true });

  const waitFor: Console['waitFor'] = (find, { timeout, what, since = 0 }) =>
    new Promise((resolve, reject) => {
      const limit = timeout * options.pace.scale;
      const timer = setTimeout(() => waiter.reject(timedOut(what, limit)), limit);
      const settled = (): void => {
        clearTimeout(timer);
        waiters.delete(waiter);
      };
      const waiter: Waiter = {
        attempt: () => {
          const value = find(textSince(since));
          if (value === undefined) return false;
          settled();
          resolve(value);
          return true;
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      waiters.add(waiter);
      if (!waiter.attempt() && ended !== undefined) waiter.reject(ended);
    });

  return {
    get transcript() {
      return text;
    },
    get position() {
      return dropped + text.length;
    },
    textSince,
    send: (typed) => {
      if (stream.writable) stream.write(typed);
    },
    expect: (pattern, wait) => waitFor((seen) => once(pattern).exec(seen) ?? undefined, wait),
    waitFor,
    fail: end,
  };
}

/** A time limit as people read it: `30 s`, `1.5 s`. */
export function inSeconds(milliseconds: number): string {
  return `${Number((milliseconds / 1000).toFixed(1))} s`;
}

function timedOut(what: string, limit: number): Failure {
  return fail(
    'device/timeout',
    `${what} did not come within ${inSeconds(limit)}`,
    'on a slow machine raise all time limits: --time-scale 2, or PIBUILD_TIME_SCALE=2',
  );
}

/** The pattern without the flags that make it remember where it stopped. */
function once(pattern: RegExp): RegExp {
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
}
