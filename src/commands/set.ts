import { type ControlLine, openControl } from '../device/control.ts';
import type { HatOrder } from '../device/live-hats.ts';
import { play } from '../device/play.ts';
import { findRunning } from '../device/running.ts';
import { type Failure, fail, unwrap } from '../diagnostic.ts';
import { changeValues, type Settable } from '../hat/change.ts';
import { type Output, outputsOf } from '../hat/gpio.ts';
import { canonicalPath, isRegister } from '../hat/register.ts';
import { hex } from '../hat/script.ts';
import { formatQuantity } from '../hat/units.ts';
import { ProjectPaths } from '../paths.ts';
import { planBoard } from '../plan.ts';
import { table } from '../report/format.ts';
import type { Context } from './context.ts';
import { answerOf, type HatAnswer, type HatRequest, readTimelineOf } from './hat-desk.ts';
import { DEFAULT_BOARD } from './module.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

export interface SetOptions {
  readonly board?: string;
  /** A file that says what the HATs measure over time. */
  readonly timeline?: string;
}

/** Changes what the HATs of an emulated board measure, or lists what can be changed. */
export async function run(context: Context, { arguments: settings, options }: Call<SetOptions>): Promise<number> {
  const { board = DEFAULT_BOARD, timeline } = options;
  const line = await boardLine(context, board);
  try {
    if (settings.length === 0 && timeline === undefined) {
      const { values } = line ? await askHats(line) : hatsOff(context, board);
      const outputs = line ? await askOutputs(line) : outputsOf(planBoard(openProject(context), board).hats);
      list(context, { values, outputs, board, on: line !== undefined });
      return exitCodes.ok;
    }
    if (line === undefined) throw notOn(context, board, settings);
    if (settings.length > 0) {
      const { values } = await order(line, { set: settings });
      for (const each of changedBy(settings, values)) tell(context, each);
    }
    if (timeline !== undefined) await playNow(context, line, board, timeline);
    return exitCodes.ok;
  } finally {
    line?.close();
  }
}

/** A line to the board of this name that was started last; undefined when none is on. Throws a `Failure`. */
export async function boardLine(context: Context, board: string): Promise<ControlLine | undefined> {
  const output = new ProjectPaths(openProject(context).root).output(board);
  const [running] = findRunning(output);
  return running && (await openControl(output, running.pid));
}

export function askHats(line: ControlLine): Promise<HatAnswer> {
  return line.ask<HatAnswer>({ ask: 'hats' } satisfies HatRequest);
}

function askOutputs(line: ControlLine): Promise<readonly Output[]> {
  return line.ask<readonly Output[]>({ ask: 'outputs' } satisfies HatRequest);
}

export function order(line: ControlLine, wanted: HatOrder): Promise<HatAnswer> {
  return line.ask<HatAnswer>({ ask: 'apply', order: wanted } satisfies HatRequest);
}

/** What the HATs of a board start with. */
export function hatsOff(context: Context, board: string): HatAnswer {
  return answerOf({ hats: planBoard(openProject(context), board).hats, faults: new Map() });
}

/** What cannot be is told first, also of a board that is not on. */
function notOn(context: Context, board: string, settings: readonly string[]): Failure {
  unwrap(changeValues(planBoard(openProject(context), board).hats, settings));
  return boardOff(board);
}

export function boardOff(board: string): Failure {
  return fail('device/not-running', `board '${board}' is not on`, `start it with \`pibuild run ${board}\``);
}

async function playNow(context: Context, line: ControlLine, board: string, file: string): Promise<void> {
  const { hats } = planBoard(openProject(context), board);
  const { values } = await askHats(line);
  const now = values.map(({ path, value }) => `${path}=${value}`);
  const timeline = await readTimelineOf(context, file, unwrap(changeValues(hats, now)));
  await play(
    timeline,
    async ({ at, set, fault }) => {
      const answer = await order(line, { set, fault });
      for (const each of changedBy(set, answer.values)) tell(context, each, at);
      for (const [chip, words] of fault) tellFault(context, chip, words, at);
    },
    context.signal,
  );
}

function changedBy(settings: readonly string[], values: readonly Settable[]): Settable[] {
  const paths = new Set(settings.map((setting) => canonicalPath(setting.replace(/=.*$/s, '').trim())));
  return values.filter(({ path }) => paths.has(path));
}

/** `at`: when in a timeline, milliseconds. */
function tell({ options, stdout }: Context, { path, value, quantity }: Settable, at?: number): void {
  if (options.quiet) return;
  if (options.json) {
    const event = { type: 'value', at: Date.now(), path, value, unit: quantity.unit };
    stdout.write(`${JSON.stringify(event)}\n`);
  } else stdout.write(`${clock(at)}${path} is ${shown({ path, value, quantity })}\n`);
}

export function tellFault({ options, stdout }: Context, path: string, fault: string, at?: number): void {
  if (options.quiet) return;
  if (options.json) stdout.write(`${JSON.stringify({ type: 'fault', at: Date.now(), path, fault })}\n`);
  else stdout.write(`${clock(at)}${path}: ${fault}\n`);
}

function shown({ path, value, quantity }: Settable): string {
  return isRegister(path) ? hex(value) : formatQuantity(value, quantity.unit);
}

function clock(at: number | undefined): string {
  return at === undefined ? '' : `${(at / 1000).toFixed(1).padStart(6)} s  `;
}

interface Listed {
  readonly values: readonly Settable[];
  readonly outputs: readonly Output[];
  readonly board: string;
  readonly on: boolean;
}

function list({ options, stdout, stderr }: Context, { values, outputs, board, on }: Listed): void {
  if (options.json) {
    for (const { path, value, quantity } of values) {
      const { unit, min, max, resolution, summary } = quantity;
      const event = { type: 'quantity', at: Date.now(), path, value, unit, min, max, resolution, summary, on };
      stdout.write(`${JSON.stringify(event)}\n`);
    }
    for (const { path, line, level } of outputs) {
      const event = { type: 'output', at: Date.now(), path, line, level, on };
      stdout.write(`${JSON.stringify(event)}\n`);
    }
    return;
  }
  if (values.length + outputs.length === 0) {
    stderr.write(`board '${board}' has no HAT that measures anything\n`);
    return;
  }
  const rows = [
    ...values.map(({ path, value, quantity }) => [
      path,
      shown({ path, value, quantity }),
      rangeOf(quantity),
      quantity.summary,
    ]),
    ...outputs.map(({ path, line, level }) => [
      path,
      formatQuantity(level, 'level'),
      '',
      `GPIO ${line}, which the Pi drives`,
    ]),
  ];
  stdout.write(`${table(rows).join('\n')}\n`);
  if (!on && !options.quiet) stderr.write(`board '${board}' is not on: these are the values that it starts with\n`);
}

function rangeOf({ unit, min, max }: Settable['quantity']): string {
  if (unit === 'level') return 'low or high';
  return `${min} to ${max}${unit === 'count' ? '' : ` ${unit}`}`;
}
