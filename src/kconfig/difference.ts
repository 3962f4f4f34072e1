import type { Values } from './expression.ts';
import type { KconfigModel, KconfigSymbol } from './model.ts';

/** A symbol that two configurations have at different values; n is what is absent. */
export interface SymbolChange {
  readonly symbol: string;
  readonly before: string;
  readonly after: string;
}

/** What differs between two configurations, by symbol. */
export function changesBetween(before: Values, after: Values): SymbolChange[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].sort().flatMap((symbol) => {
    const change = { symbol, before: before.get(symbol) ?? 'n', after: after.get(symbol) ?? 'n' };
    return change.before === change.after ? [] : [change];
  });
}

/**
 * The changes that somebody can ask for: those of symbols with a prompt. The others follow from these (kconfig selects
 * them), or are numbers and texts that went with what they belong to.
 */
export function askable(changes: readonly SymbolChange[], model: KconfigModel): SymbolChange[] {
  return changes.filter(({ symbol, after }) => {
    const known = model.symbols.get(symbol);
    return known !== undefined && hasPrompt(known) && (after !== 'n' || isSwitch(known));
  });
}

/** A fragment with these changes in it: of a symbol that it names already the line is replaced, others are added. */
export function addToFragment(fragment: string, changes: readonly SymbolChange[]): string {
  const lines = new Map(changes.map((change) => [change.symbol, lineOf(change)]));
  const kept = fragment
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => {
      const named = /^(?:# )?CONFIG_(\w+)(?:=| is not set$)/.exec(line)?.[1];
      const changed = named === undefined ? undefined : lines.get(named);
      if (named !== undefined) lines.delete(named);
      return changed ?? line;
    });
  return `${[...(fragment === '' ? [] : kept), ...lines.values()].join('\n')}\n`;
}

/** A line of a fragment. */
export function lineOf({ symbol, after }: SymbolChange): string {
  return after === 'n' ? `# CONFIG_${symbol} is not set` : `CONFIG_${symbol}=${after}`;
}

function hasPrompt({ definitions }: KconfigSymbol): boolean {
  return definitions.some(({ prompt }) => prompt !== undefined);
}

function isSwitch({ type }: KconfigSymbol): boolean {
  return type === 'bool' || type === 'tristate';
}
