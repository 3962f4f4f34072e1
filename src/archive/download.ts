import { setTimeout as sleep } from 'node:timers/promises';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import type { Digest } from '../graph/task.ts';
import { claimPartial, type Partial } from './partial.ts';
import { type HttpClient, openTransfer, printable, reasonOf, type Transfer, type TransferTimes } from './transfer.ts';

/** A file to download: its bytes are known, where they are is tried out. */
export interface Download {
  /** What people call it. */
  readonly name: string;
  readonly digest: Digest;
  /** Where it may be, the likeliest first. */
  readonly from: readonly DownloadPlace[];
}

export interface DownloadPlace {
  /** `http:`, `https:` or `file:`. */
  readonly url: string;
  /** A last resort whose silence does not count: when all others say that the file is gone, it is. */
  readonly lastResort?: boolean;
}

export interface DownloadOptions {
  /** Where the unfinished file of a digest is kept, to resume from. */
  readonly partial: (digest: Digest) => string;
  readonly signal: AbortSignal;
  /** Called with the number of bytes that came, or that were thrown away (negative). */
  readonly progress?: (bytes: number) => void;
  readonly log?: (line: string) => void;
  /** Files at a time; default 8. */
  readonly parallel?: number;
  /** Rounds through all places before giving up; default 4. */
  readonly rounds?: number;
  /** Milliseconds to wait after the first round; doubled after each. Default 1000. */
  readonly pause?: number;
  /** Milliseconds to a connection; default 10 seconds. */
  readonly connect?: number;
  /** Milliseconds without a byte after which another place is tried; default 30 seconds. */
  readonly stall?: number;
  /** Makes what asks web servers, where they want a login; it is closed afterwards. */
  readonly client?: (times: TransferTimes) => Promise<HttpClient>;
}

/**
 * Downloads files, several at a time, and hands each to `done` as a path that is the caller's to move away. Size and sha256
 * are checked while the bytes come; what is half there is continued.
 *
 * @throws Failure with a diagnostic per file: `archive/vanished` when every place says that there is no such file,
 * `archive/wrong-bytes` when places have other bytes under this name, else `archive/unreachable`.
 */
export async function downloadAll<T extends Download>(
  downloads: readonly T[],
  options: DownloadOptions,
  done: (download: T, path: string) => Promise<void>,
): Promise<void> {
  const times = { connect: options.connect ?? 10_000, stall: options.stall ?? 30_000 };
  const transfer = await openTransfer(times, await options.client?.(times));
  const failures = new Map<T, Diagnostic>();
  const queue = [...downloads];
  const troubled = new Set<string>();
  const worker = async (): Promise<void> => {
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        options.signal.throwIfAborted();
        const outcome = await downloadOne(next, transfer, troubled, options);
        if ('path' in outcome) await done(next, outcome.path);
        else failures.set(next, outcome);
      }
    } catch (error) {
      // Cancelled, or the disk is full: the others finish their file and begin no more.
      queue.length = 0;
      throw error;
    }
  };
  try {
    const workers = Array.from({ length: Math.min(options.parallel ?? 8, downloads.length) }, worker);
    const settled = await Promise.allSettled(workers);
    const bug = settled.find((each) => each.status === 'rejected');
    if (bug) throw bug.reason;
  } finally {
    await transfer.close();
  }
  // In the order in which they were asked for, whichever ended first.
  const told = downloads.flatMap((download) => failures.get(download) ?? []);
  if (told.length > 0) throw new Failure(...told);
}

/** What a place last came to. */
interface Attempt {
  readonly outcome: 'complete' | 'gone' | 'wrong' | 'trouble';
  readonly reason: string;
  readonly retryAfter?: number;
}

async function downloadOne(
  download: Download,
  transfer: Transfer,
  troubled: Set<string>,
  options: DownloadOptions,
): Promise<{ path: string } | Diagnostic> {
  const partial = await claimPartial(options.partial(download.digest));
  let complete = false;
  options.progress?.(partial.size);
  try {
    const last = new Map<string, Attempt>();
    for (let round = 0; round < (options.rounds ?? 4); round++) {
      if (round > 0) await pauseBefore(round, last, options);
      for (const { url } of byTrouble(download.from, troubled)) {
        if (isFinal(last.get(url))) continue;
        const attempt = await tryPlace(url, download, partial, transfer, options);
        last.set(url, attempt);
        if (attempt.outcome === 'complete') {
          complete = true;
          await partial.finish();
          return { path: partial.path };
        }
        if (attempt.outcome === 'trouble') troubled.add(hostOf(url));
        options.log?.(`${download.name}: ${printable(url)} ${attempt.reason}`);
      }
      if (download.from.every(({ url }) => isFinal(last.get(url)))) break;
      // Last resorts get a second chance, no more: they may be out of reach for good.
      if (round > 0 && isVanished(download, last)) break;
    }
    return diagnose(download, last);
  } finally {
    if (!complete) {
      options.progress?.(-partial.size);
      await partial.release();
    }
  }
}

function isFinal(attempt: Attempt | undefined): boolean {
  return attempt?.outcome === 'gone' || attempt?.outcome === 'wrong';
}

/** Servers that gave trouble for one file are asked last for the next ones. */
function byTrouble(places: readonly DownloadPlace[], troubled: ReadonlySet<string>): DownloadPlace[] {
  const rank = (place: DownloadPlace): number => (place.lastResort ? 2 : 0) + (troubled.has(hostOf(place.url)) ? 1 : 0);
  return [...places].sort((a, b) => rank(a) - rank(b));
}

function hostOf(url: string): string {
  return new URL(url).host;
}

async function pauseBefore(
  round: number,
  last: ReadonlyMap<string, Attempt>,
  { pause = 1000, signal }: DownloadOptions,
): Promise<void> {
  const asked = Math.max(0, ...[...last.values()].map(({ retryAfter }) => retryAfter ?? 0));
  await sleep(Math.max(pause * 2 ** (round - 1), Math.min(asked, 30 * pause)), undefined, { signal });
}

/** One place: continues what is there, and once more from the start when the two halves turn out not to fit. */
async function tryPlace(
  url: string,
  download: Download,
  partial: Partial,
  transfer: Transfer,
  options: DownloadOptions,
): Promise<Attempt> {
  if (partial.size > download.digest.size) await restart(partial, options);
  const resumed = partial.size > 0;
  const attempt = await receive(url, download, partial, transfer, options);
  if (attempt.outcome !== 'wrong') return attempt;
  await restart(partial, options);
  return resumed ? receive(url, download, partial, transfer, options) : attempt;
}

async function receive(
  url: string,
  { digest }: Download,
  partial: Partial,
  transfer: Transfer,
  options: DownloadOptions,
): Promise<Attempt> {
  if (partial.size < digest.size || digest.size === 0) {
    const answer = await transfer.open(url, partial.size, options.signal);
    if (answer.type === 'gone') return { outcome: 'gone', reason: answer.reason };
    if (answer.type === 'trouble') return { ...answer, outcome: 'trouble' };
    if (answer.type === 'no-range') {
      if (partial.size === 0) return { outcome: 'trouble', reason: 'answered 416' };
      await restart(partial, options);
      return receive(url, { digest } as Download, partial, transfer, options);
    }
    if (answer.total !== undefined && answer.total !== digest.size) {
      await discard(answer.body);
      return { outcome: 'wrong', reason: `has ${answer.total} bytes instead of ${digest.size}` };
    }
    if (answer.start !== partial.size) await restart(partial, options);
    if (answer.start !== partial.size) {
      await discard(answer.body);
      return { outcome: 'trouble', reason: `answered with another range than asked for` };
    }
    const broken = await pour(answer.body, digest, partial, options);
    if (broken !== undefined) return { outcome: 'trouble', reason: broken };
  }
  if (partial.size < digest.size) return { outcome: 'trouble', reason: 'closed the connection too early' };
  if (partial.size > digest.size) return { outcome: 'wrong', reason: `sent more than ${digest.size} bytes` };
  return partial.digest() === digest.hash
    ? { outcome: 'complete', reason: 'complete' }
    : { outcome: 'wrong', reason: `sent other bytes: sha256 ${partial.digest()}` };
}

/** Takes in a body, at most one chunk beyond the expected size. Returns what broke, or undefined. */
async function pour(
  body: AsyncIterable<Uint8Array>,
  digest: Digest,
  partial: Partial,
  options: DownloadOptions,
): Promise<string | undefined> {
  const chunks = body[Symbol.asyncIterator]();
  for (;;) {
    options.signal.throwIfAborted();
    let next: IteratorResult<Uint8Array>;
    try {
      next = await chunks.next();
    } catch (error) {
      options.signal.throwIfAborted();
      return reasonOf(error);
    }
    if (next.done) return undefined;
    // Writing is outside the try: a full disk is not the server's fault.
    await partial.write(next.value);
    options.progress?.(next.value.length);
    if (partial.size > digest.size) {
      await chunks.return?.();
      return undefined;
    }
  }
}

async function restart(partial: Partial, options: DownloadOptions): Promise<void> {
  options.progress?.(-partial.size);
  await partial.restart();
}

async function discard(body: AsyncIterable<Uint8Array>): Promise<void> {
  await body[Symbol.asyncIterator]().return?.();
}

/** Gone from every place that counts, and none of the others has it at hand. */
function isVanished(download: Download, last: ReadonlyMap<string, Attempt>): boolean {
  const outcomes = download.from.map(({ url, lastResort }) => ({ outcome: last.get(url)?.outcome, lastResort }));
  const counting = outcomes.some(({ lastResort }) => !lastResort)
    ? outcomes.filter((each) => !each.lastResort)
    : outcomes;
  return counting.every(({ outcome }) => outcome === 'gone');
}

function diagnose(download: Download, last: ReadonlyMap<string, Attempt>): Diagnostic {
  const notes = download.from.map(({ url }) => ({
    message: `${printable(url)} ${last.get(url)?.reason ?? 'was not asked'}`,
  }));
  const wrong = [...last.values()].some(({ outcome }) => outcome === 'wrong');
  if (isVanished(download, last)) {
    return {
      severity: 'error',
      code: 'archive/vanished',
      message: `'${download.name}' is gone from everywhere`,
      notes,
    };
  }
  return {
    severity: 'error',
    code: wrong ? 'archive/wrong-bytes' : 'archive/unreachable',
    message: `cannot download '${download.name}'${wrong ? ': what there is has other bytes' : ''}`,
    hint: wrong
      ? `expected sha256 ${download.digest.hash}`
      : 'what has come so far is kept: try again when the network is back',
    notes,
  };
}
