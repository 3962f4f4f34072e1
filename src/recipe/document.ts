import { isUtf8 } from 'node:buffer';
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseDocument, type YAMLError } from 'yaml';
import { type Diagnostic, failure, type Result, type SourceLocation, success, textPlaces } from '../diagnostic.ts';
import { recipeProblem } from './problem.ts';

/** The way to a value inside a recipe: keys of maps and positions in lists. */
export type Path = readonly (string | number)[];

/** A YAML file as plain data that still knows where each value stands. */
export interface RecipeDocument {
  /** As diagnostics show it. */
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** The place of the value at a path; of a map or list that of its key. What is not there: the nearest thing around it. */
  at(path: Path): SourceLocation;
  /** Whether there is a value at a path. */
  has(path: Path): boolean;
  /** The place of the key at a path. */
  keyAt(path: Path): SourceLocation;
  /** The place of a piece of the text at a path; the piece begins at or after a `{{` (templates are what this is for). */
  within(path: Path, offset: number, length: number): SourceLocation;
}

/**
 * Reads a recipe: one YAML 1.2 document, a map, without anchors and aliases (`extends:` is how recipes share).
 */
export function readDocument(bytes: Uint8Array, file: string): Result<RecipeDocument> {
  const text = decode(bytes);
  const top = { file, line: 1, column: 1 };
  if (text === undefined) return failure(recipeProblem('encoding', 'the file is not UTF-8 text', top));
  const place = textPlaces(file, text);
  const document = parseDocument(text, { prettyErrors: false, schema: 'failsafe', keepSourceTokens: false });
  const broken = [...document.errors, ...document.warnings];
  const root = document.contents;
  if (broken.length > 0) return failure(...syntaxProblems(broken, root, place));
  if (root === null) {
    const hint = 'the README shows what a board and a package look like';
    return failure({ ...recipeProblem('empty', 'the recipe is empty', top), hint });
  }
  if (!isMap(root)) {
    return failure(recipeProblem('wrong-type', 'a recipe is a map of keys and values', startPlace(root, place)));
  }
  return withPlaces(file, text, root);
}

function withPlaces(file: string, text: string, root: Node): Result<RecipeDocument> {
  const place = textPlaces(file, text);
  const problems: Diagnostic[] = [];
  const value = plainValue(root, (code, message, node, hint) => {
    problems.push(recipeProblem(code, message, nodePlace(node, place), hint));
  });
  // The first one is enough: who meets the rule takes the others out too.
  const rest = problems.filter(({ code }, index) => index === 0 || code !== 'recipe/alias');
  if (problems.length > 0) return failure(...rest);
  return success({
    file,
    value: value as Record<string, unknown>,
    has: (path) => find(root, path).whole,
    at: (path) => valuePlace(root, path, place),
    keyAt: (path) => keyPlace(root, path, place),
    within: (path, offset, length) => {
      const { value: node } = find(root, path);
      return node === null ? place(0) : templatePlace(node, text, place, offset, length);
    },
  });
}

type Place = (offset: number, length?: number) => SourceLocation;
type Report = (code: string, message: string, node: Node, hint?: string) => void;

/** The text without a byte order mark and with plain line ends, or undefined when it is not UTF-8. */
export function decode(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  return new TextDecoder().decode(bytes).replaceAll('\r\n', '\n');
}

/** What the most common slips look like to the parser. */
const SYNTAX_HINTS: Readonly<Record<string, string>> = {
  BAD_INDENT: "look for lines that do not begin in one column, a space missing after '-', or a bracket not closed",
  BLOCK_AS_IMPLICIT_KEY: "keys of one map begin in one column, and text that holds ': ' is written in quotes",
  MISSING_CHAR: "look for a quote that is not closed, or for a space missing after '-' or ':'",
  TAB_AS_INDENT: 'indent with spaces',
};

/** The parser's errors, one a line: what follows on the same line is an echo of the first. */
function syntaxProblems(errors: readonly YAMLError[], root: Node | null, place: Place): Diagnostic[] {
  const problems = errors.map((error) => syntaxProblem(error, root, place));
  return problems.filter(({ at }, index) => problems.findIndex((other) => other.at?.line === at?.line) === index);
}

function syntaxProblem(error: YAMLError, root: Node | null, place: Place): Diagnostic {
  const [start, end] = error.pos;
  const at = place(start, Math.max(1, end - start));
  if (error.code === 'DUPLICATE_KEY') return duplicateKey(root, start, place);
  if (error.code === 'MULTIPLE_DOCS') {
    const message = 'a recipe is one YAML document, and a second one begins here';
    return recipeProblem('documents', message, { ...at, length: 3 }, "take the line '---' out");
  }
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return recipeProblem('yaml', `this is not YAML: ${message}`, at, SYNTAX_HINTS[error.code]);
}

function duplicateKey(root: Node | null, offset: number, place: Place): Diagnostic {
  const [first, again] = twins(root, offset);
  if (first === undefined || again === undefined)
    return recipeProblem('duplicate-key', 'this key is there already', place(offset));
  const problem = recipeProblem(
    'duplicate-key',
    `the key '${keyText(again)}' is there already`,
    nodePlace(again, place),
  );
  return { ...problem, notes: [{ message: 'here it is first', at: nodePlace(first, place) }] };
}

/** The keys of one name in one map, of which one begins at an offset. */
function twins(node: Node | null, offset: number): Node[] {
  if (isSeq<Node>(node)) return node.items.flatMap((item) => twins(item, offset));
  if (!isMap<Node, Node | null>(node)) return [];
  const again = node.items.find(({ key }) => key.range?.[0] === offset);
  if (again === undefined) return node.items.flatMap(({ value }) => twins(value, offset));
  return node.items.flatMap(({ key }) => (keyText(key) === keyText(again.key) ? [key] : []));
}

/** Plain data of a node. Our own, because the library's would follow aliases and lose how a number was written. */
function plainValue(node: Node | null, report: Report, key?: string): unknown {
  if (node === null) return null;
  if (isAlias(node) || ('anchor' in node && node.anchor !== undefined)) {
    report(
      'alias',
      'anchors and aliases are not allowed in a recipe',
      node,
      'write the value out, or share it with `extends:`',
    );
    return null;
  }
  if (isSeq<Node>(node)) return node.items.map((item) => plainValue(item, report));
  if (isMap<Node, Node | null>(node)) return plainMap(node.items, report);
  if (isScalar(node)) return node.type === 'PLAIN' && key !== 'version' ? plainScalar(String(node.value)) : node.value;
  return null;
}

function plainMap(pairs: readonly Pair<Node, Node | null>[], report: Report): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const { key, value } of pairs) {
    const name = keyText(key);
    if (name === undefined || name === '__proto__') report('bad-key', 'a key is a plain word', key);
    else map[name] = plainValue(value, report, name);
  }
  return map;
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
  if (!isScalar(key) || key.anchor !== undefined) return undefined;
  return String(key.value);
}

interface Found {
  key?: Node;
  value: Node | null;
  /** Whether the whole path was there. */
  whole: boolean;
}

/** The node at a path, or the innermost one around it that is there. */
function find(root: Node, path: Path): Found {
  let found: Found = { value: root, whole: true };
  for (const step of path) {
    const { value } = found;
    const pair = isMap<Node, Node | null>(value)
      ? value.items.find((item) => keyText(item.key) === String(step))
      : undefined;
    const item = isSeq<Node>(value) && typeof step === 'number' ? value.items[step] : undefined;
    if (pair !== undefined) found = { key: pair.key, value: pair.value, whole: true };
    else if (item !== undefined) found = { value: item, whole: true };
    else return { ...found, whole: false };
  }
  return found;
}

function valuePlace(root: Node, path: Path, place: Place): SourceLocation {
  const { key, value, whole } = find(root, path);
  if (whole && isScalar(value) && value.range && value.range[1] > value.range[0]) return nodePlace(value, place);
  if (key !== undefined) return nodePlace(key, place);
  return value === null ? place(0) : startPlace(value, place);
}

function keyPlace(root: Node, path: Path, place: Place): SourceLocation {
  const { key, value } = find(root, path);
  if (key !== undefined) return nodePlace(key, place);
  return value === null ? place(0) : startPlace(value, place);
}

function nodePlace(node: Node, place: Place): SourceLocation {
  const [start, end] = node.range ?? [0, 1];
  return place(start, end - start);
}

/** Of a map or list without a key of its own: where it begins, with its first word underlined. */
function startPlace(node: Node, place: Place): SourceLocation {
  const first = isMap<Node, Node | null>(node) ? node.items[0]?.key : isSeq<Node>(node) ? node.items[0] : node;
  if (first && isScalar(first)) return nodePlace(first, place);
  return place(node.range?.[0] ?? 0);
}

/** Every style of YAML text keeps `{{` as it is and in order, so counting them finds the place whatever the style. */
function templatePlace(node: Node, text: string, place: Place, offset: number, length: number): SourceLocation {
  const value = isScalar(node) ? String(node.value) : '';
  const opened = value.slice(0, offset + 2).lastIndexOf('{{');
  const count = value.slice(0, opened).split('{{').length;
  let found = (node.range?.[0] ?? 0) - 2;
  for (let n = 0; n < count; n++) found = text.indexOf('{{', found + 2);
  return place(Math.max(0, found) + offset - opened, length);
}
