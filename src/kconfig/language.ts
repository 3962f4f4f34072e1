import type { SourceLocation } from '../diagnostic.ts';
import type { Expression } from './expression.ts';
import { combine } from './expression.ts';
import { type Line, readLines } from './lines.ts';
import type { Choice, Definition, KconfigModel, Selector, SymbolType } from './model.ts';
import { parseExpression, splitCondition, type Token, tokenize } from './tokens.ts';

/**
 * Reads the Kconfig language, the kernel's of today and busybox's of 2006, as far as needed to say why a symbol is not
 * set: types, prompts, dependencies, choices, selects, ranges. Defaults are not evaluated and macros not run: the
 * values come from a finished `.config`.
 *
 * `files` are the texts by path; `root` is the one to begin with; `variables` are those that the Makefile exports
 * (`SRCARCH`). A sourced file that is not there is passed over.
 */
export function parseKconfig(
  files: ReadonlyMap<string, string>,
  root: string,
  variables: Readonly<Record<string, string>>,
): KconfigModel {
  const builder = new Map<string, MutableSymbol>();
  readFile(root, []);
  return { symbols: builder };

  function readFile(file: string, around: readonly Block[]): void {
    const text = files.get(file);
    if (text === undefined) return;
    const blocks = [...around];
    let entry: MutableEntry | undefined;
    for (const line of readLines(text, file)) {
      const tokens = tokenize(line.text);
      const keyword = tokens[0]?.type === 'word' ? tokens[0].text : '';
      const rest = tokens.slice(1);
      switch (keyword) {
        case 'config':
        case 'menuconfig':
          entry = define(rest[0]?.text ?? '', line, blocks);
          break;
        case 'if':
          blocks.push({ depends: optional(parseExpression(rest)), visible: [] });
          entry = undefined;
          break;
        case 'menu':
        case 'choice': {
          const block: Block = { depends: [], visible: [] };
          if (keyword === 'choice') block.choice = { at: place(line), prompt: '', members: [] };
          blocks.push(block);
          entry = { kind: 'block', block };
          break;
        }
        case 'endif':
        case 'endmenu':
        case 'endchoice':
          blocks.pop();
          entry = undefined;
          break;
        case 'comment':
        case 'mainmenu':
          entry = undefined;
          break;
        case 'source':
        case 'osource':
          readFile(expand(rest[0]?.text ?? ''), blocks);
          break;
        case 'rsource':
        case 'orsource':
          readFile(`${file.slice(0, file.lastIndexOf('/') + 1)}${expand(rest[0]?.text ?? '')}`, blocks);
          break;
        default:
          if (entry !== undefined) addAttribute(entry, keyword, rest, line);
      }
    }
  }

  function define(name: string, line: Line, blocks: readonly Block[]): MutableEntry {
    const symbol = mutable(name);
    const choice = blocks.findLast((block) => block.choice !== undefined)?.choice;
    const definition: MutableDefinition = {
      at: place(line),
      depends: blocks.flatMap((block) => block.depends),
      visible: blocks.flatMap((block) => block.visible),
      ranges: [],
      ...(choice && { choice }),
    };
    if (choice !== undefined && !choice.members.includes(name)) choice.members.push(name);
    symbol.definitions.push(definition);
    return { kind: 'symbol', symbol, definition };
  }

  function addAttribute(entry: MutableEntry, keyword: string, rest: readonly Token[], line: Line): void {
    if (keyword === 'depends' || keyword === 'requires') addDepends(entry, rest);
    else if (entry.kind === 'block') addBlockAttribute(entry.block, keyword, rest);
    else addSymbolAttribute(entry, keyword, rest, line);
  }

  function addSymbolAttribute(
    { symbol, definition }: Extract<MutableEntry, { kind: 'symbol' }>,
    keyword: string,
    rest: readonly Token[],
    line: Line,
  ): void {
    const type = TYPES.get(keyword);
    if (type !== undefined) symbol.type = type;
    const { value, condition } = splitCondition(rest);
    const isPrompt = keyword === 'prompt' || (type !== undefined && !keyword.startsWith('def_'));
    if (isPrompt && value[0]?.type === 'string') {
      const conditions = [...definition.visible, ...optional(condition)];
      definition.prompt = { text: value[0].text, conditions };
    } else if (keyword === 'select' && value[0] !== undefined) {
      mutable(value[0].text).selectedBy.push({ name: symbol.name, at: place(line), ...(condition && { condition }) });
    } else if (keyword === 'range' && value[0] && value[1]) {
      definition.ranges.push({ low: value[0].text, high: value[1].text, ...(condition && { condition }) });
    }
  }

  function mutable(name: string): MutableSymbol {
    const known = builder.get(name);
    if (known !== undefined) return known;
    const made: MutableSymbol = { name, type: undefined, definitions: [], selectedBy: [] };
    builder.set(name, made);
    return made;
  }

  function expand(path: string): string {
    return path.replace(/\$\((\w+)\)/g, (whole, name: string) => variables[name] ?? whole);
  }
}

const TYPES: ReadonlyMap<string, SymbolType> = new Map<string, SymbolType>([
  ['bool', 'bool'],
  ['boolean', 'bool'],
  ['def_bool', 'bool'],
  ['tristate', 'tristate'],
  ['def_tristate', 'tristate'],
  ['int', 'int'],
  ['hex', 'hex'],
  ['string', 'string'],
]);

/** A menu, an if or a choice that is open while its lines are read. */
interface Block {
  readonly depends: Expression[];
  readonly visible: Expression[];
  choice?: Mutable<Choice> & { members: string[] };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface MutableDefinition extends Mutable<Definition> {
  depends: Expression[];
  visible: readonly Expression[];
  ranges: Mutable<Definition['ranges'][number]>[];
}

interface MutableSymbol {
  readonly name: string;
  type: SymbolType | undefined;
  readonly definitions: MutableDefinition[];
  readonly selectedBy: Selector[];
}

type MutableEntry =
  | { readonly kind: 'symbol'; readonly symbol: MutableSymbol; readonly definition: MutableDefinition }
  | { readonly kind: 'block'; readonly block: Block };

function addDepends(entry: MutableEntry, rest: readonly Token[]): void {
  const on = rest[0]?.type === 'word' && rest[0].text === 'on' ? 1 : 0;
  const { value, condition } = splitCondition(rest.slice(on));
  const expression = parseExpression(value);
  if (expression === undefined) return;
  const target = entry.kind === 'block' ? entry.block.depends : entry.definition.depends;
  // `depends on A if B`, new in 2025: only where B holds.
  target.push(condition ? combine('or', [{ type: 'not', operand: condition }, expression]) : expression);
}

function addBlockAttribute(block: Block, keyword: string, rest: readonly Token[]): void {
  const { value, condition } = splitCondition(rest);
  if (keyword === 'visible') block.visible.push(...optional(condition));
  const isPrompt = keyword === 'prompt' || keyword === 'bool' || keyword === 'tristate';
  if (block.choice === undefined || !isPrompt || value[0]?.type !== 'string') return;
  block.choice.prompt = value[0].text;
  if (condition !== undefined) block.visible.push(condition);
}

function place(line: Line): SourceLocation {
  const text = line.text.trim();
  return { file: line.file, line: line.number, column: 1, length: text.length, text };
}

function optional<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
