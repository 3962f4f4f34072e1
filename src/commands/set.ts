import { type ControlLine, openControl } from '../device/control.ts';
import { play } from '../device/play.ts';
import { findRunning } from '../device/running.ts';
import { type Failure, fail, unwrap } from '../diagnostic.ts';
import { changeValues, settable } from '../hat/change.ts';
import type { Hat } from '../hat/hat.ts';
import { formatQuantity } from '../hat/units.ts';
import { ProjectPaths } from '../paths.ts';
import { planBoard } from '../plan.ts';
import type { Context } from './context.ts';
import { type HatAnswer, type HatRequest, readTimelineOf } from './hat-desk.ts';
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
  const project = openProject(context);
  const { hats } = planBoard(project, board);
  // What cannot be is told whether or not the board is on.
  unwrap(changeValues(hats, settings));
  const line = await boardLine(project.root, board);
  try {
    const now = line && withNow(hats, await line.ask<HatAnswer>({ ask: 'hats' } satisfies HatRequest));
    if (settings.length === 0 && timeline === undefined) {
      list(context, now ?? hats, board, now !== undefined);
      return exitCodes.ok;
    }
    if (line === undefined || now === undefined) throw notOn(board);
    if (settings.length > 0) await setNow(context, line, now, settings);
    if (timeline !== undefined) await playNow(context, line, now, timeline);
    return exitCodes.ok;
  } finally {
    line?.close();
  }
}

/** A line to the board of this name that was started last; undefined when none is on. Throws a `Failure`. */
export async function boardLine(root: string, board: string): Promise<ControlLine | undefined> {
  const output = new ProjectPaths(root).output(board);
  const [running] = findRunning(output);
  return running && (await openControl(output, running.pid));
}

export function notOn(board: string): Failure {
  return fail('device/not-running', `board '${board}' is not on`, `start it with \`pibuild run ${board}\``);
}

function withNow(hats: readonly Hat[], { values }: HatAnswer): readonly Hat[] {
  const known = new Set(settable(hats).map(({ path }) => path));
  const settings = Object.entries(values).flatMap(([path, value]) => (known.has(path) ? [`${path}=${value}`] : []));
  return unwrap(changeValues(hats, settings));
}

async function setNow(
  context: Context,
  line: ControlLine,
  hats: readonly Hat[],
  settings: readonly string[],
): Promise<void> {
  await line.ask({ ask: 'apply', order: { set: settings } } satisfies HatRequest);
  const paths = new Set(settings.map((setting) => setting.replace(/=.*$/s, '').trim()));
  const changed = settable(unwrap(changeValues(hats, settings))).filter(({ path }) => paths.has(path));
  for (const each of changed) tell(context, each);
}

async function playNow(context: Context, line: ControlLine, hats: readonly Hat[], file: string): Promise<void> {
  const timeline = await readTimelineOf(context, file, hats);
  const apply = async ({
    at,
    set,
    fault,
  }: {
    at: number;
    set: readonly string[];
    fault: readonly (readonly [string, string])[];
  }) => {
    await line.ask({ ask: 'apply', order: { set, fault } } satisfies HatRequest);
    const changed = new Set(set.map((setting) => setting.replace(/=.*$/s, '')));
    const values = settable(unwrap(changeValues(hats, set))).filter(({ path }) => changed.has(path));
    for (const each of values) tell(context, each, at);
    for (const [chip, words] of fault) tellFault(context, chip, words, at);
  };
  await play(timeline, apply, context.signal);
}

type Settable = ReturnType<typeof settable>[number];

/** `at`: when in a timeline, milliseconds. */
function tell({ options, stdout }: Context, { path, value, quantity }: Settable, at?: number): void {
  if (options.quiet) return;
  if (options.json) {
    const event = { type: 'value', at: Date.now(), path, value, unit: quantity.unit };
    stdout.write(`${JSON.stringify(event)}\n`);
  } else stdout.write(`${clock(at)}${path} is ${formatQuantity(value, quantity.unit)}\n`);
}

export function tellFault({ options, stdout }: Context, path: string, fault: string, at?: number): void {
  if (options.quiet) return;
  if (options.json) stdout.write(`${JSON.stringify({ type: 'fault', at: Date.now(), path, fault })}\n`);
  else stdout.write(`${clock(at)}${path}: ${fault}\n`);
}

function clock(at: number | undefined): string {
  return at === undefined ? '' : `${(at / 1000).toFixed(1).padStart(6)} s  `;
}

function list(context: Context, hats: readonly Hat[], board: string, on: boolean): void {
  const { options, stdout, stderr } = context;
  const all = settable(hats);
  if (options.json) {
    for (const { path, value, quantity } of all) {
      const { unit, min, max, resolution, summary } = quantity;
      const event = { type: 'quantity', at: Date.now(), path, value, unit, min, max, resolution, summary, on };
      stdout.write(`${JSON.stringify(event)}\n`);
    }
    return;
  }
  if (all.length === 0) {
    stderr.write(`board '${board}' has no HAT that measures anything\n`);
    return;
  }
  const rows = all.map(({ path, value, quantity: { unit, min, max, summary } }) => {
    const plain = unit === 'count' ? '' : ` ${unit}`;
    return [path, formatQuantity(value, unit), `${min} to ${max}${plain}`, summary];
  });
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  stdout.write(`${lines.join('\n')}\n`);
  if (!on && !options.quiet) stderr.write(`board '${board}' is not on: these are the values that it starts with\n`);
}
