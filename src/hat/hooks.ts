import { parseDuration } from '../recipe/units.ts';
import type { HookRecipe } from './schema.ts';
import { hex } from './script.ts';

/** A recipe's hook as a line of i2c-twin's script. */
export function hookLine({ on, register, mask, value, after, do: actions }: HookRecipe): string {
  const when = mask === undefined && value === undefined ? '' : ` when ${condition(on, mask, value)}`;
  const delay = after === undefined ? '' : ` after ${parseDuration(after)}`;
  return `on ${on} ${spanText(register)}${when}${delay} do ${actions.map(actionText).join(' ; ')}`;
}

/** `0xf7-0xfc`, or a register alone, as i2c-twin reads it. */
export function spanText(span: number | string): string {
  return typeof span === 'number' ? hex(span) : span;
}

/** The first and the last register of a range. */
export function spanOf(span: number | string): [from: number, to: number] {
  if (typeof span === 'number') return [span, span];
  const [from = 0, to = 0] = span.split('-').map(Number);
  return [from, to];
}

/** What is written counts or, where nothing is, what is there. */
function condition(on: HookRecipe['on'], mask: number | undefined, value: number | undefined): string {
  const subject = on === 'write' ? 'w' : 'n r@';
  const bits = mask === undefined ? subject : `${subject} ${hex(mask)} &`;
  return value === undefined ? bits : `${bits} ${hex(value)} =`;
}

function actionText(action: HookRecipe['do'][number]): string {
  if ('set' in action) return `set ${hex(action.set.register)} ${hex(action.set.value)}`;
  if ('copy' in action) return `copy ${hex(action.copy.to)} ${hex(action.copy.from)} ${action.copy.count ?? 1}`;
  if ('reset' in action) return 'reset';
  const { register, bits } = action.clear;
  return `set ${hex(register)} r${hex(register)} ${hex(bits)} ~ &`;
}
