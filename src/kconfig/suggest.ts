import {
  combine,
  type Expression,
  enough,
  evaluate,
  symbolsOf,
  type Tristate,
  unmet,
  type Values,
} from './expression.ts';
import type { SymbolRequest } from './fragment.ts';
import type { Definition, KconfigModel } from './model.ts';

/** What would have to be asked for so that something becomes possible: symbols and values, in the order to write them. */
export type Settings = ReadonlyMap<string, string>;

/** Symbols that nobody should switch on to get a driver. */
const UNREASONABLE: ReadonlySet<string> = new Set(['COMPILE_TEST', 'BROKEN', 'UML', 'KUNIT_ALL_TESTS']);

/** Deeper chains than this are no help to a reader. */
const DEEPEST = 8;

/**
 * The settings that give an expression the wanted value, found by following `depends on` and `select` upwards. Of an `||` the
 * side that needs least. Undefined when no setting can do it (another architecture, a compiler's feature).
 */
export function settingsFor(
  expression: Expression,
  wanted: Tristate,
  model: KconfigModel,
  values: Values,
  depth = 0,
): Settings | undefined {
  if (enough(evaluate(expression, values), wanted)) return new Map();
  if (depth > DEEPEST) return undefined;
  switch (expression.type) {
    case 'and':
      return all(expression.operands.map((operand) => settingsFor(operand, wanted, model, values, depth)));
    case 'or':
      return least(expression.operands.map((operand) => settingsFor(operand, wanted, model, values, depth)));
    case 'not':
      return expression.operand.type === 'symbol' ? switchedOff(expression.operand.name, model) : undefined;
    case 'symbol':
      return settingsForSymbol(expression.name, wanted, model, values, depth + 1);
    case 'compare':
      return settingsForComparison(expression, model, values, depth);
    default:
      return undefined;
  }
}

/** Settings in words: what to add, and which requests to change. */
export function advice(settings: Settings, requests: ReadonlyMap<string, SymbolRequest>): string {
  const changes: string[] = [];
  const additions: string[] = [];
  for (const [name, value] of settings) {
    const asked = requests.get(name);
    if (asked !== undefined) changes.push(`CONFIG_${name} to ${value} (${asked.at.file}:${asked.at.line})`);
    else additions.push(value === 'n' ? `\`# CONFIG_${name} is not set\`` : `CONFIG_${name}=${value}`);
  }
  const parts = [
    ...(additions.length > 0 ? [`add ${additions.join(', ')}`] : []),
    ...(changes.length > 0 ? [`change ${changes.join(', ')}`] : []),
  ];
  return parts.join(', and ');
}

/** An expression without the alternatives that nobody should take: of `ARCH_X || COMPILE_TEST` only `ARCH_X`. */
export function reasonable(expression: Expression): Expression {
  if (expression.type !== 'and' && expression.type !== 'or') return expression;
  const operands = expression.operands.map(reasonable);
  const kept = operands.filter((operand) => !symbolsOf(operand).some((name) => UNREASONABLE.has(name)));
  return combine(expression.type, expression.type === 'or' && kept.length > 0 ? kept : operands);
}

/** All that must hold for a definition to be visible to whoever configures. */
export function visibility(definition: Definition): Expression {
  return { type: 'and', operands: [...definition.depends, ...(definition.prompt?.conditions ?? [])] };
}

/** The value that a dependency must have for a symbol to become what was asked: a bool can be y where m is all it gets. */
export function wantedOf(type: string | undefined, value: string): Tristate {
  return type === 'tristate' && value === 'y' ? 'y' : 'm';
}

/** `X = y`, `X != m` and the like; of numbers and texts nobody knows which one is meant. */
function settingsForComparison(
  { left, operator, right }: Extract<Expression, { type: 'compare' }>,
  model: KconfigModel,
  values: Values,
  depth: number,
): Settings | undefined {
  if (left.type !== 'symbol' || right.type !== 'symbol' || !/^[nmy]$/.test(right.name)) return undefined;
  const value = operator === '=' ? right.name : operator === '!=' ? (right.name === 'y' ? 'n' : 'y') : undefined;
  if (value === undefined) return undefined;
  if (value === 'n') return switchedOff(left.name, model);
  return settingsForSymbol(left.name, value === 'm' ? 'm' : 'y', model, values, depth + 1);
}

/** What nobody can ask for, nobody can switch off. */
function switchedOff(name: string, model: KconfigModel): Settings | undefined {
  const definitions = model.symbols.get(name)?.definitions ?? [];
  return definitions.some(({ prompt }) => prompt !== undefined) ? new Map([[name, 'n']]) : undefined;
}

function settingsForSymbol(
  name: string,
  wanted: Tristate,
  model: KconfigModel,
  values: Values,
  depth: number,
): Settings | undefined {
  const symbol = model.symbols.get(name);
  if (symbol === undefined || UNREASONABLE.has(name)) return undefined;
  const value = symbol.type === 'tristate' ? wanted : 'y';
  const own = symbol.definitions
    .filter((definition) => definition.prompt !== undefined)
    .map((definition) => {
      const missing = unmet(visibility(definition), values, wantedOf(symbol.type, value));
      const before = missing && settingsFor(missing, wantedOf(symbol.type, value), model, values, depth);
      return missing && before === undefined ? undefined : new Map([...(before ?? []), [name, value]]);
    });
  const asked = least(own);
  if (asked !== undefined) return asked;
  return least(symbol.selectedBy.map((selector) => settingsForSymbol(selector.name, wanted, model, values, depth + 1)));
}

function all(parts: readonly (Settings | undefined)[]): Settings | undefined {
  const settings = new Map<string, string>();
  for (const part of parts) {
    if (part === undefined) return undefined;
    for (const [name, value] of part) settings.set(name, value);
  }
  return settings;
}

function least(parts: readonly (Settings | undefined)[]): Settings | undefined {
  let best: Settings | undefined;
  for (const part of parts) if (part !== undefined && (best === undefined || part.size < best.size)) best = part;
  return best;
}
