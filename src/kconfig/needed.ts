import { type Diagnostic, didYouMean, type SourceLocation } from '../diagnostic.ts';
import { enough, type Tristate, type Values } from './expression.ts';
import type { SymbolRequest } from './fragment.ts';
import type { KconfigModel } from './model.ts';
import { advice, settingsFor, wantedOf } from './suggest.ts';

/** A kernel option that something on the board cannot do without. */
export interface NeededOption {
  /** Without `CONFIG_`. */
  readonly symbol: string;
  /** y, m, a number or a text in quotes; m is also served by y. */
  readonly value: string;
  /** Who needs it: `the HAT 'enviro-phat'`. */
  readonly by: string;
  readonly at: SourceLocation;
}

/**
 * Says of every option that is needed and that the kernel was not configured with: that it does not exist
 * (`kernel/unknown-symbol`), or what to write into a fragment (`kernel/needed`).
 */
export function checkNeeded(
  needed: readonly NeededOption[],
  values: Values,
  model: KconfigModel,
  requests: ReadonlyMap<string, SymbolRequest>,
): Diagnostic[] {
  return needed.flatMap(({ symbol, value, by, at }): Diagnostic[] => {
    const got = values.get(symbol) ?? 'n';
    if (serves(got, value)) return [];
    const known = model.symbols.get(symbol);
    if (known === undefined) {
      const hint = didYouMean(symbol, model.symbols.keys());
      const message = `there is no symbol CONFIG_${symbol}`;
      return [{ severity: 'error', code: 'kernel/unknown-symbol', message, at, ...(hint !== undefined && { hint }) }];
    }
    const wanted = wantedOf(known.type, value);
    const settings = isTristate(value)
      ? settingsFor({ type: 'symbol', name: symbol }, wanted, model, values)
      : new Map([[symbol, value]]);
    const hint =
      settings === undefined
        ? `no setting gives this kernel CONFIG_${symbol}`
        : `in a fragment of \`kernel.fragments\`, ${advice(settings, requests)}`;
    const definition = known.definitions.find(({ prompt }) => prompt !== undefined);
    const title = definition?.prompt && `CONFIG_${symbol}, "${definition.prompt.text}"`;
    return [
      {
        severity: 'error',
        code: 'kernel/needed',
        message: `${by} needs CONFIG_${symbol}=${value}, and the board's kernel has it ${got === 'n' ? 'off' : `as ${got}`}`,
        at,
        ...(definition && title !== undefined && { notes: [{ message: title, at: definition.at }] }),
        hint,
      },
    ];
  });
}

function serves(got: string, wanted: string): boolean {
  return got === wanted || (isTristate(got) && isTristate(wanted) && enough(got, wanted));
}

function isTristate(value: string): value is Tristate {
  return /^[nmy]$/.test(value);
}
