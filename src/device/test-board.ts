import { Failure, fail } from '../diagnostic.ts';
import type { Check } from '../recipe/model.ts';
import { type CheckResult, failedBy, runCheck } from './checks.ts';
import type { Console, Pace, Position } from './console.ts';
import type { LiveHats } from './live-hats.ts';
import { logIn } from './login.ts';
import { type Shell, withoutMarks } from './shell.ts';
import { measuredTimeScale } from './time-scale.ts';
import { kernelMessages, lastLines, unhide } from './transcript.ts';

export interface BoardTest {
  readonly console: Console;
  readonly pace: Pace;
  /** Whether the pace is to be measured by the boot. */
  readonly measure: boolean;
  /** Whose name the check of the boot itself carries. */
  readonly owner: string;
  readonly checks: readonly Check[];
  /** Absent: root needs none on the console. */
  readonly password?: string;
  /** The HATs on it, by way of the shell. */
  readonly hatsOf?: (shell: Shell) => LiveHats;
  readonly signal: AbortSignal;
  readonly onStart: (name: string) => void;
  /** Called with each result, and what the guest said meanwhile where that helps to understand it. */
  readonly onResult: (result: CheckResult, console: readonly string[]) => void;
}

/** Milliseconds to the login prompt, and to the first character, before scaling. */
const BOOT = 180_000;
const FIRST_SIGN = 60_000;

/** What is shown of the console when the board itself failed. */
const LAST_LINES = 20;

/**
 * Waits for the board's login prompt, logs in as root, and judges the checks in their order. When the board is lost, by
 * a panic, say, the rest is judged by what the console had printed until then. Throws the signal's reason when it aborts.
 */
export async function testBoard(test: BoardTest): Promise<void> {
  const { console, pace, owner, checks, signal } = test;
  const bootCheck = { name: 'boots to a login prompt, and root gets in', owner };
  test.onStart(bootCheck.name);
  const began = Date.now();
  const boot = await tryToBoot(test);
  const took = Date.now() - began;
  if (test.measure && boot.shell !== undefined) pace.scale = measuredTimeScale(took);
  const verdict = boot.failure === undefined ? { outcome: 'passed' as const } : failedBy(boot.failure);
  test.onResult({ check: bootCheck, took, ...verdict }, boot.failure ? lastLines(console.transcript, LAST_LINES) : []);

  let { shell } = boot;
  const hats = shell && test.hatsOf?.(shell);
  for (const check of checks) {
    test.onStart(check.name);
    const since = console.position;
    const { result, lost } = await runCheck(check, {
      console,
      ...(shell && { shell }),
      ...(hats && { hats }),
      pace,
      signal,
    });
    if (lost) shell = undefined;
    test.onResult(
      result,
      result.outcome === 'failed' ? meanwhile(console, since, lost || check.expect !== undefined) : [],
    );
  }
}

interface Boot {
  readonly shell?: Shell;
  readonly failure?: Failure;
}

async function tryToBoot({ console, password }: BoardTest): Promise<Boot> {
  try {
    await firstSign(console);
    const login = { user: 'root', timeout: BOOT, ...(password !== undefined && { password }) };
    return { shell: await logIn(console, login) };
  } catch (error) {
    if (error instanceof Failure) return { failure: error };
    throw error;
  }
}

/** A console that stays empty is most often the wrong one; that is told sooner than a slow boot is given up. */
async function firstSign(console: Console): Promise<void> {
  try {
    await console.expect(/\S/, { timeout: FIRST_SIGN, what: 'a first word on the console' });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const hint =
      'do `emulator.console` of the board and `console=` of the kernel command line mean the same serial port?';
    throw fail('device/silent', error.message, hint);
  }
}

/** A command's output is shown anyway: then only the kernel's messages say more. */
function meanwhile(console: Console, since: Position, everything: boolean): readonly string[] {
  if (everything) return withoutMarks(lastLines(unhide(console.transcript), 2 * LAST_LINES)).slice(-LAST_LINES);
  return kernelMessages(console.textSince(since)).slice(-LAST_LINES);
}
