import { type Diagnostic, didYouMean, failure, type Result, success } from '../diagnostic.ts';
import type { GpioLine, Hat } from './hat.ts';
import type { Quantity } from './model.ts';
import { parseQuantity } from './units.ts';

/** What the target's `hat-gpio` is told of a HAT: the lines that gpio-sim stands in for in the emulator. */

/** The file that `hat-gpio load` reads: `LINE NAME in|out LEVEL`, one a line. Undefined: the HAT has no lines. */
export function gpioFile({ name, gpio }: Hat): string | undefined {
  if (gpio.length === 0) return undefined;
  const lines = [...gpio].sort((a, b) => a.line - b.line).map(lineText);
  return [`# The GPIO lines of the HAT '${name}', for hat-gpio. Made by pibuild.`, ...lines, ''].join('\n');
}

/** The level of a line as something that can be set. */
export function levelOf({ line, initial }: GpioLine): Quantity {
  return { summary: `GPIO ${line}, which the Pi reads`, unit: 'level', min: 0, max: 1, resolution: 1, initial };
}

/**
 * A HAT that pulls one of its lines up or down.
 *
 * @returns diagnostics `hat/unknown-line`, `hat/output`, `hat/bad-value`
 */
export function changeLevel(
  hat: Hat,
  name: string,
  written: string,
): Result<{ readonly hat: Hat; readonly quantity: Quantity; readonly value: number }> {
  const line = hat.gpio.find((each) => each.name === name);
  if (line === undefined) {
    const known = hat.gpio.map((each) => each.name);
    return problem('unknown-line', `the HAT '${hat.name}' has no GPIO line '${name}'`, didYouMean(name, known));
  }
  if (line.direction === 'out') {
    const hint = '`pibuild set` without a setting shows its level';
    return problem('output', `the line '${name}' of the HAT '${hat.name}' is an output: the Pi drives it`, hint);
  }
  const value = parseQuantity(written, 'level');
  if (value === undefined) return problem('bad-value', `a line is 0 or 1 (low or high), not '${written}'`);
  const gpio = hat.gpio.map((each) => (each === line ? ({ ...each, initial: value === 1 ? 1 : 0 } as const) : each));
  return success({ hat: { ...hat, gpio }, quantity: levelOf(line), value });
}

/** The word of the kernel's command line that pulls lines otherwise than the image says from the start. */
const LEVELS = 'pibuild.gpio';

/** The words of the kernel's command line that pull lines as `hats` say where the image was made for `recipes`. */
export function gpioWords(recipes: readonly Hat[], hats: readonly Hat[]): string[] {
  const before = new Map(recipes.flatMap(({ gpio }) => gpio.map(({ line, initial }) => [line, initial])));
  const changed = hats.flatMap(({ gpio }) => gpio.filter(({ line, initial }) => before.get(line) !== initial));
  return changed.length === 0
    ? []
    : [`${LEVELS}=${changed.map(({ line, initial }) => `${line}=${initial}`).join(',')}`];
}

/** A line that the Pi drives, and its level. */
export interface Output {
  /** `HAT.LINE`. */
  readonly path: string;
  readonly line: number;
  readonly level: number;
}

/** The lines of some HATs that the Pi drives. `levels` are those now, by number; without it they are as at the start. */
export function outputsOf(hats: readonly Hat[], levels: ReadonlyMap<number, number> = new Map()): Output[] {
  return hats.flatMap(({ name, gpio }) =>
    gpio.flatMap(({ name: lineName, line, direction, initial }) =>
      direction === 'out' ? [{ path: `${name}.${lineName}`, line, level: levels.get(line) ?? initial }] : [],
    ),
  );
}

/** The levels that lines have now, by number, as `hat-gpio show` prints them: `LINE NAME in|out LEVEL`. */
export function parseLevels(text: string): Map<number, number> {
  const rows = [...text.matchAll(/^(\d+) \S+ (?:in|out) ([01])$/gm)];
  return new Map(rows.map(([, line, level]) => [Number(line), Number(level)]));
}

function lineText({ line, name, direction, initial }: GpioLine): string {
  return `${line} ${name} ${direction} ${initial}`;
}

function problem(code: string, message: string, hint?: string): Result<never> {
  const diagnostic: Diagnostic = { severity: 'error', code: `hat/${code}`, message };
  return failure({ ...diagnostic, ...(hint !== undefined && { hint }) });
}
