import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import type { Node, Pair, YAMLError } from 'yaml';
import { type Diagnostic, Failure, type SourceLocation } from '../diagnostic.ts';
import { recipeProblem } from './problem.ts';

/** YAML as plain data with marks: a pure function of the text, so what it gives can be kept (`memo.ts`). */
export interface Parsed {
  readonly value: Readonly<Record<string, unknown>>;
  readonly marks: Mark;
}

/** Where a value stands, as offsets of its begin and end. Plain data. */
export interface Mark {
  /** Of its key, when it is in a map. */
  readonly key?: Span;
  readonly value: Span;
  /** Of what is in it: by key in a map, by position in a list. Absent for anything else. */
  readonly inner?: Readonly<Record<string, Mark>> | readonly Mark[];
}

export type Span = readonly [start: number, end: number];

export type Place = (offset: number, length?: number) => SourceLocation;

/**
 * Parses a recipe: one YAML 1.2 document, a map, without anchors and aliases (`extends:` is how recipes share). Throws a
 * `Failure`.
 *
 * @param text without byte order mark, with plain line ends
 */
export function parseYaml(text: string, place: Place): Parsed {
  const document = yaml().parseDocument(text, { prettyErrors: false, schema: 'failsafe', uniqueKeys: false });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) throw new Failure(...syntaxProblems(broken, place));
  const root = document.contents;
  if (root === null) {
    const hint = 'the README shows what a board and a package look like';
    const { file, line, column } = place(0);
    throw new Failure(recipeProblem('empty', 'the recipe is empty', { file, line, column }, hint));
  }
  if (!yaml().isMap<Node, Node | null>(root)) {
    throw new Failure(recipeProblem('wrong-type', 'a recipe is a map of keys and values', place(root.range?.[0] ?? 0)));
  }
  return convert(root, place);
}

/** Read with the first recipe that has to be parsed: most starts find all of them in the memo. */
function yaml(): typeof Yaml {
  library ??= createRequire(import.meta.url)('yaml') as typeof Yaml;
  return library;
}

let library: typeof Yaml | undefined;

function convert(root: Node, place: Place): Parsed {
  const problems: Diagnostic[] = [];
  const { value, mark } = convertNode(root, ({ code, message, node, hint, earlier }) => {
    const problem = recipeProblem(code, message, spanPlace(spanOf(node), place), hint);
    const notes = earlier && [{ message: 'here it is first', at: spanPlace(spanOf(earlier), place) }];
    problems.push({ ...problem, ...(notes && { notes }) });
  });
  // The first one is enough: who meets the rule takes the others out too.
  const told = problems.filter(({ code }, index) => index === 0 || code !== 'recipe/alias');
  if (told.length > 0) throw new Failure(...told);
  return { value: value as Parsed['value'], marks: mark };
}

/** The place of a span, with all of it underlined. */
export function spanPlace([start, end]: Span, place: Place): SourceLocation {
  return place(start, end - start);
}

/** What the most common slips look like to the parser. */
const SYNTAX_HINTS: Readonly<Record<string, string>> = {
  BAD_INDENT: "look for lines that do not begin in one column, a space missing after '-', or a bracket not closed",
  BLOCK_AS_IMPLICIT_KEY: "keys of one map begin in one column, and text that holds ': ' is written in quotes",
  MISSING_CHAR: "look for a quote that is not closed, or for a space missing after '-' or ':'",
  TAB_AS_INDENT: 'indent with spaces',
};

/** The parser's errors, one a line: what follows on the same line is an echo of the first. */
function syntaxProblems(errors: readonly YAMLError[], place: Place): Diagnostic[] {
  const problems = errors.map((error) => syntaxProblem(error, place));
  return problems.filter(({ at }, index) => problems.findIndex((other) => other.at?.line === at?.line) === index);
}

function syntaxProblem(error: YAMLError, place: Place): Diagnostic {
  const [start, end] = error.pos;
  const at = place(start, Math.max(1, end - start));
  if (error.code === 'MULTIPLE_DOCS') {
    const message = 'a recipe is one YAML document, and a second one begins here';
    return recipeProblem('documents', message, { ...at, length: 3 }, "take the line '---' out");
  }
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return recipeProblem('yaml', `this is not YAML: ${message}`, at, SYNTAX_HINTS[error.code]);
}

type Report = (problem: { code: string; message: string; node: Node; hint?: string; earlier?: Node }) => void;

interface Converted {
  readonly value: unknown;
  readonly mark: Mark;
}

/** Plain data of a node. Our own, because the library's would follow aliases and lose how a number was written. */
function convertNode(node: Node, report: Report, key?: string): Converted {
  const span = spanOf(node);
  if (yaml().isAlias(node) || ('anchor' in node && node.anchor !== undefined)) {
    const message = 'anchors and aliases are not allowed in a recipe';
    report({ code: 'alias', message, node, hint: 'write the value out, or share it with `extends:`' });
    return { value: null, mark: { value: span } };
  }
  if (yaml().isSeq<Node>(node)) {
    const items = node.items.map((item) => convertNode(item, report));
    return { value: items.map(({ value }) => value), mark: { value: span, inner: items.map(({ mark }) => mark) } };
  }
  if (yaml().isMap<Node, Node | null>(node)) return convertMap(node.items, span, report);
  const value = yaml().isScalar(node) ? node.value : null;
  const isPlain = yaml().isScalar(node) && node.type === 'PLAIN' && key !== 'version';
  return { value: isPlain ? plainScalar(String(value)) : value, mark: { value: span } };
}

function convertMap(pairs: readonly Pair<Node, Node | null>[], span: Span, report: Report): Converted {
  const map: Record<string, unknown> = {};
  const marks: Record<string, Mark> = {};
  const keys = new Map<string, Node>();
  for (const { key, value: node } of pairs) {
    const name = keyText(key);
    if (name === undefined || name === '__proto__') {
      report({ code: 'bad-key', message: 'a key is a plain word', node: key });
      continue;
    }
    const earlier = keys.get(name);
    if (earlier) report({ code: 'duplicate-key', message: `the key '${name}' is there already`, node: key, earlier });
    keys.set(name, key);
    const { value, mark } = node === null ? nothing(key) : convertNode(node, report, name);
    map[name] = value;
    marks[name] = { ...mark, key: spanOf(key) };
  }
  return { value: map, mark: { value: span, inner: marks } };
}

function nothing(key: Node): Converted {
  const [, end] = spanOf(key);
  return { value: null, mark: { value: [end, end] } };
}

/**
 * What a word without quotes means by YAML 1.2's core schema. Our own, since the library's tests every word by eight
 * patterns, a good part of the time that loading a project takes. `version: 1.10` is left as it is written.
 */
function plainScalar(word: string): unknown {
  if (word === 'true' || word === 'True' || word === 'TRUE') return true;
  if (word === 'false' || word === 'False' || word === 'FALSE') return false;
  if (word === '' || word === '~' || word === 'null' || word === 'Null' || word === 'NULL') return null;
  return /^[-+.0-9]/.test(word) && NUMBER.test(word) ? Number(word) : word;
}

const NUMBER = /^(0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)$/;

function keyText(key: Node): string | undefined {
  return yaml().isScalar(key) && key.anchor === undefined ? String(key.value) : undefined;
}

function spanOf({ range }: Node): Span {
  return range ? [range[0], range[1]] : [0, 1];
}
