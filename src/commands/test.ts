import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { CheckResult } from '../device/checks.ts';
import { type Console, openConsole } from '../device/console.ts';
import { type EmulatedBoard, powerOn } from '../device/emulator.ts';
import { chooseForwards, sshLine } from '../device/forward.ts';
import { openLiveHats } from '../device/live-hats.ts';
import { endFailure } from '../device/qemu.ts';
import { keepSerialLog } from '../device/serial-log.ts';
import { attachTerminal } from '../device/terminal.ts';
import { guardTerminal } from '../device/terminal-guard.ts';
import { testBoard } from '../device/test-board.ts';
import { wantedTimeScale } from '../device/time-scale.ts';
import { clean, unhide } from '../device/transcript.ts';
import { consoleLink } from '../device/twin-link.ts';
import { type Failure, fail } from '../diagnostic.ts';
import type { Board, Check } from '../recipe/model.ts';
import { checkLines, checkSummary } from '../report/check-lines.ts';
import { junit } from '../report/junit.ts';
import { createStyle, wantsColour } from '../report/style.ts';
import type { Context } from './context.ts';
import { type ReadyBoard, readyBoard } from './emulate.ts';
import { type Call, exitCodes } from './verb.ts';

export interface TestOptions {
  /** Writes the results to this file as JUnit XML. */
  readonly junit?: string;
  /** A regular expression: runs only the checks of which `<owner>: <name>` matches. */
  readonly filter?: string;
  /** Boots this instead of the board's own image. */
  readonly image?: string;
  /** Leaves the board on afterwards, with its console in this terminal. */
  readonly keep?: boolean;
  /** What all time limits are multiplied by; absent: PIBUILD_TIME_SCALE, else it is measured. */
  readonly timeScale?: string;
}

/** Boots a board's image in the emulator once, and runs the checks that the board and its packages declare. */
export async function run(context: Context, { arguments: [name = ''], options }: Call<TestOptions>): Promise<number> {
  const timeScale = wantedTimeScale(options.timeScale, context.env);
  const wanted = filterOf(options.filter);
  const ready = await readyBoard(context, name, options.image);
  if (ready === undefined) return exitCodes.failed;
  try {
    const checks = ready.checks.filter(wanted);
    if (options.filter !== undefined && checks.length === 0) throw noChecks(ready, options.filter);
    const results = await testOn(context, ready, checks, options, timeScale);
    return results.every(({ outcome }) => outcome === 'passed') ? exitCodes.ok : exitCodes.failed;
  } finally {
    await ready.close();
  }
}

async function testOn(
  context: Context,
  ready: ReadyBoard,
  checks: readonly Check[],
  options: TestOptions,
  timeScale: number | undefined,
): Promise<readonly CheckResult[]> {
  const { board, paths } = ready;
  const { signal } = context;
  const printer = openPrinter(context);
  const results: CheckResult[] = [];
  const at = new Date();
  printer.started(ready);
  const emulated = await switchOn(context, ready, options.keep ?? false);
  const log = await keepSerialLog(emulated.console, paths.serialLog(board.name, 'test'), printer.warn, unhide);
  const pace = { scale: timeScale ?? 1 };
  const console = openConsole(emulated.console, { pace, signal, ended: emulated.ended.then(endFailure) });
  try {
    await testBoard({
      console,
      pace,
      measure: timeScale === undefined,
      owner: board.name,
      checks,
      ...(context.env.PIBUILD_ROOT_PASSWORD !== undefined && { password: context.env.PIBUILD_ROOT_PASSWORD }),
      hatsOf: (shell) =>
        openLiveHats(ready.hats, emulated.control, consoleLink(shell), ({ message }) => printer.warn(message)),
      signal,
      onStart: (check) => log.note(`check: ${check}`),
      onResult: (result, said) => {
        results.push(result);
        printer.result(result, said);
      },
    });
    printer.finished(results, Date.now() - at.getTime(), log.path, pace.scale);
    if (await emulated.imageChanged())
      printer.warn(`${ready.image} was written to meanwhile: the results may be wrong`);
    if (options.keep) await keepOn(context, ready, emulated, console);
    return results;
  } finally {
    await emulated.stop();
    await log.close();
    const run: TestRun = { board, image: ready.image, checks, results, at, scale: pace.scale, console };
    if (options.junit !== undefined) await writeReport(resolve(context.cwd, options.junit), run);
  }
}

/** The test needs no port of this machine, so that many can run at once; a board that is kept on is reached by SSH. */
async function switchOn(context: Context, { board, emulator, hats, image, tools, paths }: ReadyBoard, keep: boolean) {
  return powerOn({
    image,
    emulator,
    hats,
    tools,
    output: paths.output(board.name),
    limits: {},
    append: [],
    forwards: keep && emulator.usbNetwork !== false ? await chooseForwards([], []) : [],
    disks: [],
    reboots: false,
    signal: context.signal,
    onLine: (line) => context.stderr.write(`${line}\n`),
  });
}

/** Gives the console to the user; without a terminal the board stays on until it or this process is stopped. */
async function keepOn(
  context: Context,
  { tools }: ReadyBoard,
  emulated: EmulatedBoard,
  console: Console,
): Promise<void> {
  const { signal, stderr, stdin, stdout } = context;
  const ssh = sshLine(emulated.forwards);
  stderr.write(`the board stays on; Ctrl-A x leaves${ssh === undefined ? '' : `\n  ${ssh}`}\n`);
  // Ends the shell that the checks ran in: a login prompt follows.
  console.send('exit\n');
  await attachTerminal(emulated, stdin, stdout, signal, () => guardTerminal(tools.bubblewrap, signal));
}

interface Printer {
  started(ready: ReadyBoard): void;
  result(result: CheckResult, console: readonly string[]): void;
  finished(results: readonly CheckResult[], took: number, log: string, scale: number): void;
  warn(message: string): void;
}

/** Prints as the global options say: lines for people, one object a line for programs. */
function openPrinter({ cwd, env, options, stderr, stdout }: Context): Printer {
  const style = createStyle(wantsColour(options.color, env, stdout));
  const print = (lines: readonly string[]): unknown => lines.length > 0 && stdout.write(`${lines.join('\n')}\n`);
  const json = (type: string, facts: object): unknown => print([JSON.stringify({ type, at: Date.now(), ...facts })]);
  const warn: Printer['warn'] = (message) => {
    if (options.json) json('warning', { diagnostic: { severity: 'warning', code: 'test/warning', message } });
    else stderr.write(`${style.yellow('warning')}: ${message}\n`);
  };
  if (options.json) {
    return {
      started: ({ board, image }) => json('test-started', { board: board.name, image }),
      result: ({ check: { name, owner }, ...verdict }, console) =>
        json('check', { name, owner, ...verdict, ...(console.length > 0 && { console }) }),
      finished: (results, took, log, scale) =>
        json('test-finished', { ok: results.every(passed), took, log, timeScale: scale }),
      warn,
    };
  }
  return {
    started: ({ board, image }) => {
      if (!options.quiet) print([`testing ${style.bold(board.name)} (${relative(cwd, image)})`]);
    },
    result: (result, console) => {
      if (!options.quiet || !passed(result)) print(checkLines(result, console, style));
    },
    finished: (results, took, log, scale) => {
      const ok = results.every(passed);
      if (options.quiet && ok) return;
      if (scale !== 1) print([style.dim(`time limits were multiplied by ${scale}`)]);
      print([checkSummary(results, took, style), `serial log: ${relative(cwd, log)}`]);
    },
    warn,
  };
}

function passed({ outcome }: CheckResult): boolean {
  return outcome === 'passed';
}

interface TestRun {
  readonly board: Board;
  readonly image: string;
  readonly checks: readonly Check[];
  readonly results: readonly CheckResult[];
  readonly at: Date;
  readonly scale: number;
  readonly console: Console;
}

/** Also after a test that was stopped: the checks that it did not come to are then skipped ones. */
async function writeReport(file: string, run: TestRun): Promise<void> {
  const { board, image, checks, results, at, scale, console } = run;
  const missing = checks
    .filter((check) => !results.some((result) => result.check === check))
    .map((check): CheckResult => ({ check, outcome: 'skipped', took: 0, message: 'the test was stopped before' }));
  const report = junit({
    name: board.name,
    at,
    took: Date.now() - at.getTime(),
    properties: { board: board.name, version: board.version, image, timeScale: String(scale) },
    cases: [...results, ...missing].map(({ check, ...result }) => ({
      ...result,
      name: check.name,
      group: check.owner,
    })),
    output: clean(unhide(console.transcript)),
  });
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, report);
  } catch (error) {
    throw fail('test/report', `the report cannot be written: ${(error as Error).message}`);
  }
}

function filterOf(text: string | undefined): (check: Check) => boolean {
  if (text === undefined) return () => true;
  try {
    const pattern = new RegExp(text, 'i');
    return ({ name, owner }) => pattern.test(`${owner}: ${name}`);
  } catch (error) {
    throw fail('cli/pattern', `--filter takes a regular expression: ${(error as Error).message}`);
  }
}

function noChecks({ board, checks }: ReadyBoard, filter: string): Failure {
  const names = checks.map(({ name, owner }) => `${owner}: ${name}`);
  const hint = names.length > 0 ? `there are: ${names.slice(0, 5).join(', ')}` : 'it declares none';
  return fail('cli/no-checks', `no check of ${board.name} matches /${filter}/`, hint);
}
