import { type Diagnostic, nearest } from '../diagnostic.ts';
import { type Expression, evaluate, format, symbolsOf, unmet, type Values } from './expression.ts';
import type { SymbolRequest } from './fragment.ts';
import type { KconfigModel, KconfigSymbol } from './model.ts';
import { advice, reasonable, settingsFor, visibility, wantedOf } from './suggest.ts';

/**
 * Says of every symbol that a `.config` does not have as asked why it has not: a diagnostic at the fragment's line
 * with the unmet part of its dependencies, where the missing symbols are defined, and what to ask for instead.
 * `requests` are merged (`mergeRequests`), `area` begins the diagnostics' codes.
 */
export function checkRequests(
  requests: readonly SymbolRequest[],
  values: Values,
  model: KconfigModel,
  area: string,
): Diagnostic[] {
  const context: Context = { values, model, requests: new Map(requests.map((each) => [each.symbol, each])), area };
  return requests.flatMap((request) => {
    const got = values.get(request.symbol) ?? 'n';
    const symbol = model.symbols.get(request.symbol);
    if (symbol === undefined || symbol.definitions.length === 0) return unknownSymbol(request, context) ?? [];
    if (sameValue(request.value, got, symbol) || overriddenInChoice(request, symbol, context)) return [];
    return {
      severity: 'error',
      code: `${area}/symbol-dropped`,
      at: request.at,
      ...explain(request, got, symbol, context),
    };
  });
}

interface Context {
  readonly values: Values;
  readonly model: KconfigModel;
  readonly requests: ReadonlyMap<string, SymbolRequest>;
  readonly area: string;
}

type Explanation = Pick<Diagnostic, 'message' | 'notes' | 'hint'>;

function explain(request: SymbolRequest, got: string, symbol: KconfigSymbol, context: Context): Explanation {
  const start = `CONFIG_${request.symbol} was asked for as ${request.value}, but is ${got}`;
  if (symbol.type === 'bool' && request.value === 'm') {
    return { message: `${start}: it is a bool, and cannot be a module`, hint: `write CONFIG_${request.symbol}=y` };
  }
  if (isMore(got, request.value)) return tooMuch(start, request, got, symbol, context);
  if (symbol.definitions.every((definition) => definition.prompt === undefined))
    return promptless(start, request, symbol, context);
  return (
    blocked(start, request, symbol, context) ??
    otherChosen(start, symbol, context) ??
    wrongType(start, request, symbol) ??
    outOfRange(start, symbol) ?? {
      message: start,
      hint: 'all that it depends on is there; what kconfig itself said is in the log of the configure task',
    }
  );
}

function unknownSymbol({ symbol, value, at }: SymbolRequest, { model, area }: Context): Diagnostic | undefined {
  if (value === 'n') return undefined;
  const near = nearest(
    symbol,
    [...model.symbols.values()].filter((each) => each.definitions.length > 0).map((each) => each.name),
  );
  const hint = near
    ? `did you mean CONFIG_${near}?`
    : 'it may be newer, older or of another architecture: remove the line';
  return {
    severity: 'error',
    code: `${area}/unknown-symbol`,
    message: `there is no symbol CONFIG_${symbol}`,
    at,
    hint,
  };
}

/** The symbol is more than asked: something selects it. */
function tooMuch(
  start: string,
  request: SymbolRequest,
  got: string,
  symbol: KconfigSymbol,
  { values }: Context,
): Explanation {
  const selectors = symbol.selectedBy.filter(
    ({ name, condition }) =>
      isMore(values.get(name) ?? 'n', request.value) && (!condition || evaluate(condition, values) !== 'n'),
  );
  if (selectors.length === 0) {
    const why = symbol.definitions.some(({ prompt }) => prompt) ? 'its default counts' : 'nothing can ask for it';
    return { message: `${start}: ${why}`, hint: `write CONFIG_${request.symbol}=${got}, or remove the line` };
  }
  const names = selectors.map(({ name }) => name);
  return {
    message: `${start}: ${listed(names)} ${names.length > 1 ? 'select' : 'selects'} it`,
    notes: selectors
      .slice(0, 3)
      .map(({ name, at }) => ({ message: `${name} is ${values.get(name)}, and selects it`, at })),
    hint: `write CONFIG_${request.symbol}=${got}, or switch ${listed(names)} off`,
  };
}

function promptless(start: string, request: SymbolRequest, symbol: KconfigSymbol, context: Context): Explanation {
  const selectors = symbol.selectedBy.map(({ name }) => name);
  const [definition] = symbol.definitions;
  const settings = settingsFor(
    { type: 'symbol', name: symbol.name },
    wantedOf(symbol.type, request.value),
    context.model,
    context.values,
  );
  const notes = definition ? [{ message: `${symbol.name} has no prompt`, at: definition.at }] : [];
  const message = `${start}: nobody can ask for it, only other symbols switch it on`;
  if (selectors.length === 0) return { message, notes, hint: 'remove the line' };
  return {
    message,
    notes,
    hint: `selected by ${listed(selectors)}${settings ? `: ${advice(settings, context.requests)}` : ''}`,
  };
}

/** Something it depends on is missing. */
function blocked(
  start: string,
  request: SymbolRequest,
  symbol: KconfigSymbol,
  context: Context,
): Explanation | undefined {
  const { model, values } = context;
  const wanted = wantedOf(symbol.type, request.value);
  const missing: Expression[] = [];
  for (const definition of symbol.definitions.filter(({ prompt }) => prompt !== undefined)) {
    const part = unmet(visibility(definition), values, wanted);
    if (part === undefined) return undefined;
    missing.push(reasonable(part));
  }
  const [part] = missing.sort((a, b) => symbolsOf(a).length - symbolsOf(b).length);
  if (part === undefined) return undefined;
  const settings = settingsFor(part, wanted, model, values);
  const lower =
    request.value === 'y' && unmet(part, values, 'm') === undefined ? ` (or ask for CONFIG_${symbol.name}=m)` : '';
  return {
    message: `${start}: it depends on ${format(part)}`,
    notes: symbolsOf(part)
      .slice(0, 6)
      .map((name) => state(name, context)),
    hint:
      settings && settings.size > 0
        ? `${advice(settings, context.requests)}${lower}`
        : 'not meant for this board: remove the line',
  };
}

/** What a symbol of a dependency is, and where it is defined. */
function state(name: string, { model, values }: Context): NonNullable<Diagnostic['notes']>[number] {
  const definitions = model.symbols.get(name)?.definitions ?? [];
  const definition = definitions.find(({ prompt }) => prompt !== undefined) ?? definitions[0];
  if (definition === undefined) return { message: `${name} is n: this architecture does not have it` };
  const selectors = model.symbols.get(name)?.selectedBy.map((selector) => selector.name) ?? [];
  const hidden =
    selectors.length > 0
      ? `, and has no prompt: ${listed(selectors)} ${selectors.length > 1 ? 'select' : 'selects'} it`
      : '';
  const prompt = definition.prompt ? `, "${definition.prompt.text}"` : hidden;
  return { message: `${name} is ${values.get(name) ?? 'n'}${prompt}`, at: definition.at };
}

/** Another member of its choice is the one that is y. */
function otherChosen(start: string, symbol: KconfigSymbol, { values, requests }: Context): Explanation | undefined {
  const choice = symbol.definitions.find((definition) => definition.choice)?.choice;
  const chosen = choice?.members.find((member) => member !== symbol.name && values.get(member) === 'y');
  if (choice === undefined || chosen === undefined) return undefined;
  const asked = requests.get(chosen);
  return {
    message: `${start}: of the choice "${choice.prompt}" it is CONFIG_${chosen} that counts`,
    notes: [
      ...(asked ? [{ message: `CONFIG_${chosen} is asked for here`, at: asked.at }] : []),
      { message: 'one of the choice can be y', at: choice.at },
    ],
    ...(asked && { hint: `remove one of CONFIG_${symbol.name} and CONFIG_${chosen}` }),
  };
}

/** A later fragment may choose another member of a choice; then the earlier one's request is no longer meant. */
function overriddenInChoice(request: SymbolRequest, symbol: KconfigSymbol, { values, requests }: Context): boolean {
  if (request.value !== 'y') return false;
  const order = [...requests.keys()];
  return symbol.definitions.some((definition) =>
    definition.choice?.members.some((member) => {
      const other = requests.get(member);
      if (other === undefined || other.value !== 'y' || values.get(member) !== 'y') return false;
      return order.indexOf(member) > order.indexOf(request.symbol) && other.at.file !== request.at.file;
    }),
  );
}

function wrongType(start: string, request: SymbolRequest, symbol: KconfigSymbol): Explanation | undefined {
  const fits =
    symbol.type === 'string'
      ? /^"/.test(request.value)
      : symbol.type === 'int'
        ? /^-?[0-9]+$/.test(request.value)
        : symbol.type === 'hex'
          ? /^(0x)?[0-9a-f]+$/i.test(request.value)
          : /^[nmy]$/.test(request.value);
  if (fits || symbol.type === undefined) return undefined;
  const example = { string: '"text"', int: '64', hex: '0x40', bool: 'y', tristate: 'm' }[symbol.type];
  return {
    message: `${start}: its type is ${symbol.type}`,
    notes: symbol.definitions.slice(0, 1).map(({ at }) => ({ message: `${symbol.name} is defined here`, at })),
    hint: `write it like CONFIG_${symbol.name}=${example}`,
  };
}

function outOfRange(start: string, symbol: KconfigSymbol): Explanation | undefined {
  const definition = symbol.definitions.find(({ ranges }) => ranges.length > 0);
  if (definition === undefined) return undefined;
  const ranges = definition.ranges.map(
    ({ low, high, condition }) => `${low} to ${high}${condition ? ` if ${format(condition)}` : ''}`,
  );
  return {
    message: `${start}: its range is ${ranges.join(', or ')}`,
    notes: [{ message: 'defined here', at: definition.at }],
  };
}

/** Whether `.config` has what was asked; numbers may be written in several ways. */
function sameValue(asked: string, got: string, { type }: KconfigSymbol): boolean {
  if (asked === got) return true;
  return (type === 'int' || type === 'hex') && got !== 'n' && number(asked, type) === number(got, type);
}

function number(text: string, type: 'int' | 'hex'): number {
  return type === 'hex' ? Number.parseInt(text, 16) : Number(text);
}

function isMore(got: string, asked: string): boolean {
  return 'nmy'.includes(got) && 'nmy'.includes(asked) && 'nmy'.indexOf(got) > 'nmy'.indexOf(asked);
}

function listed(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}
