import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../diagnostic.ts';
import type { Check } from '../recipe/model.ts';
import { type Console, inSeconds, type Pace } from './console.ts';
import type { LiveHats } from './live-hats.ts';
import type { CommandResult, Shell } from './shell.ts';

/** What a check came to. */
export interface CheckResult {
  readonly check: Pick<Check, 'name' | 'owner' | 'run' | 'expect'>;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Milliseconds on our clock, tries and waiting included. */
  readonly took: number;
  /** Why it did not pass, in one sentence. */
  readonly message?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** What the command printed the last time; absent when none ran. */
  readonly output?: string;
}

/** The booted board that checks are run on. */
export interface CheckedBoard {
  readonly console: Console;
  /** Absent when nobody could log in: then only `expect` checks can be judged. */
  readonly shell?: Shell;
  /** Absent when nobody could log in. */
  readonly hats?: LiveHats;
  readonly pace: Pace;
  readonly signal: AbortSignal;
}

/** What is waited between two tries of a check that has `retry`. Milliseconds. */
const PAUSE = 500;

/**
 * Judges one check. A failure of the board (a panic, a stop) fails it like a wrong answer does; `lost` is then true, and
 * no further check can be run.
 */
export async function runCheck(
  check: Check,
  board: CheckedBoard,
): Promise<{ readonly result: CheckResult; readonly lost: boolean }> {
  const began = Date.now();
  const result = (verdict: Verdict): CheckResult => ({ check, took: Date.now() - began, ...verdict });
  try {
    return { result: result(await judge(check, board)), lost: false };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { result: result(failedBy(error)), lost: true };
  }
}

/** A check that a failure of the board decided. */
export function failedBy(error: Failure): Verdict {
  const hint = error.diagnostics[0]?.hint;
  return { outcome: 'failed', message: error.message, ...(hint !== undefined && { hint }) };
}

export type Verdict = Pick<CheckResult, 'outcome' | 'message' | 'hint' | 'output'>;

async function judge(check: Check, board: CheckedBoard): Promise<Verdict> {
  if (check.expect !== undefined) return judgeConsole(check.expect, check, board);
  if (check.run === undefined || board.shell === undefined)
    return { outcome: 'skipped', message: 'no command can be run on the board' };
  const { run } = check;
  const { shell, hats } = board;
  if (hats === undefined || (check.set === undefined && check.fault === undefined))
    return tryCommand(run, check, board, shell);
  return underConditions(check, hats, () => tryCommand(run, check, board, shell));
}

/** What the board's HATs measure and how they fail is as the check says it while it runs, and then as it was. */
async function underConditions(
  { set = [], fault = [] }: Check,
  hats: LiveHats,
  step: () => Promise<Verdict>,
): Promise<Verdict> {
  const before = hats.state;
  try {
    await hats.apply({ set: set.map(({ value }) => value), fault: fault.map(({ value }) => value) });
    return await step();
  } catch (error) {
    if (!(error instanceof Failure) || error.diagnostics[0]?.code !== 'device/twin') throw error;
    return failedBy(error);
  } finally {
    await hats.restore(before);
  }
}

async function tryCommand(run: string, check: Check, board: CheckedBoard, shell: Shell): Promise<Verdict> {
  const until = Date.now() + check.retry * board.pace.scale;
  for (;;) {
    const verdict = judgeCommand(check, await shell.run(run, check.timeout), board.pace);
    if (verdict.outcome === 'passed' || Date.now() >= until) return verdict;
    await delay(PAUSE, undefined, { signal: board.signal });
  }
}

/** The whole console since power-on counts; what is not there yet may still come. */
async function judgeConsole(pattern: string, check: Check, { console, shell }: CheckedBoard): Promise<Verdict> {
  try {
    // A board that did not come up will not say more.
    const timeout = shell === undefined ? 0 : check.timeout;
    await console.expect(new RegExp(pattern, 'm'), { timeout, what: `/${pattern}/` });
    return { outcome: 'passed' };
  } catch (error) {
    if (!(error instanceof Failure) || error.diagnostics[0]?.code !== 'device/timeout') throw error;
    return { outcome: 'failed', message: `the console never printed /${pattern}/` };
  }
}

function judgeCommand(check: Check, { exitCode, output }: CommandResult, pace: Pace): Verdict {
  const failed = (message: string): Verdict => ({ outcome: 'failed', message, output });
  if (exitCode === undefined) return failed(`it did not end within ${inSeconds(check.timeout * pace.scale)}`);
  const wanted = check.exit ?? 0;
  if (exitCode !== wanted) return failed(`it ended with exit code ${exitCode}, not ${wanted}`);
  if (check.matches !== undefined && !new RegExp(check.matches, 'm').test(output)) {
    return failed(`its output does not match /${check.matches}/`);
  }
  return { outcome: 'passed', output };
}
