import type { z } from 'zod';
import { type Diagnostic, didYouMean, nearest, type SourceLocation } from '../diagnostic.ts';
import type { Path, RecipeDocument } from './document.ts';
import { recipeProblem } from './problem.ts';

/** Only what explaining needs of zod's schemas; `_zod.def` is zod's documented way for tools to look inside. */
type Schema = z.core.$ZodType;
type Issue = z.core.$ZodIssue;

/** What a schema found wrong with a recipe, in words that a person understands, at the places where it stands. */
export function explainIssues(issues: readonly Issue[], schema: Schema, document: RecipeDocument): Diagnostic[] {
  return explainAll(issues, schema, document, []);
}

/** `base` is the path of the value that the issues' own paths start from. */
function explainAll(issues: readonly Issue[], schema: Schema, document: RecipeDocument, base: Path): Diagnostic[] {
  const meant = new Set(issues.flatMap((issue) => meantKeys(issue, schema)));
  const isEcho = (issue: Issue) =>
    meant.has(JSON.stringify(issue.path)) && valueAt(document.value, [...base, ...(issue.path as Path)]) === undefined;
  return issues.filter((issue) => !isEcho(issue)).flatMap((issue) => explain(issue, schema, document, base));
}

/** The paths of the keys that mistyped ones were meant to be: that those are missing then is no news. */
function meantKeys(issue: Issue, schema: Schema): string[] {
  if (issue.code !== 'unrecognized_keys') return [];
  const known = knownKeys(schema, issue.path as Path);
  return issue.keys.map((key) => JSON.stringify([...issue.path, nearest(key, known)]));
}

function explain(issue: Issue, schema: Schema, document: RecipeDocument, base: Path): Diagnostic[] {
  const path = [...base, ...(issue.path as Path)];
  const value = valueAt(document.value, path);
  const at = document.at(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, knownKeys(schema, issue.path as Path), document));
    case 'invalid_union':
      return explainUnion(issue, schema, document, path);
    case 'invalid_key':
      return [badKey(issue, path, document)];
    case 'invalid_type':
      return [value === undefined ? missingKey(path, document) : wrongType(expectedBy(issue, schema), value, at)];
    case 'invalid_value':
      return [value === undefined ? missingKey(path, document) : unknownValue(issue.values.map(String), value, at)];
    case 'invalid_format':
      return [badValue(formatName(issue), value, at)];
    case 'too_small':
      return [
        badValue(`${issue.inclusive ? 'at least' : 'more than'} ${amount(issue.minimum, issue.origin)}`, value, at),
      ];
    case 'too_big':
      return [
        badValue(`${issue.inclusive ? 'at most' : 'less than'} ${amount(issue.maximum, issue.origin)}`, value, at),
      ];
    default:
      return [recipeProblem('rule', issue.message, at)];
  }
}

function unknownKey(key: string, parent: Path, known: readonly string[], document: RecipeDocument): Diagnostic {
  const where = parent.length === 0 ? '' : ` in '${pathText(parent)}'`;
  return recipeProblem(
    'unknown-key',
    `unknown key '${key}'${where}`,
    document.keyAt([...parent, key]),
    didYouMean(key, known),
  );
}

function missingKey(path: Path, document: RecipeDocument): Diagnostic {
  const parent = path.slice(0, -1);
  const where = parent.length === 0 ? '' : ` in '${pathText(parent)}'`;
  return recipeProblem('missing-key', `the key '${path.at(-1)}' is missing${where}`, document.keyAt(parent));
}

function wrongType(expected: string, value: unknown, at: SourceLocation): Diagnostic {
  const got = describe(value, written(at));
  return recipeProblem('wrong-type', `expected ${expected}, got ${got}`, at, typeHint(expected, value, at));
}

function unknownValue(known: readonly string[], value: unknown, at: SourceLocation): Diagnostic {
  const expected = known.length === 1 ? known[0] : `one of ${known.join(', ')}`;
  const near = nearest(String(value), known);
  return recipeProblem(
    'unknown-value',
    `expected ${expected}, got ${describe(value)}`,
    at,
    near && `did you mean '${near}'?`,
  );
}

function badValue(expected: string, value: unknown, at: SourceLocation): Diagnostic {
  return recipeProblem('bad-value', `expected ${expected}, got ${describe(value)}`, at);
}

function badKey(issue: z.core.$ZodIssueInvalidKey, path: Path, document: RecipeDocument): Diagnostic {
  const [first] = issue.issues;
  const expected = first?.code === 'invalid_format' ? formatName(first) : 'another key';
  return recipeProblem('bad-key', `expected ${expected}, got '${path.at(-1)}'`, document.keyAt(path));
}

/**
 * Of a value that fits no branch of a union, the problems with the branch that it was most likely meant for: the one
 * with the fewest keys wrong.
 */
function explainUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  schema: Schema,
  document: RecipeDocument,
  path: Path,
): Diagnostic[] {
  const value = valueAt(document.value, path);
  if (value === undefined) return [missingKey(path, document)];
  const options = unionOptions(schemaAt(schema, issue.path as Path));
  const branches = issue.errors.map((issues, index) => ({ issues, schema: options[index], cost: cost(issues, value) }));
  const best = branches.sort((a, b) => a.cost - b.cost)[0];
  if (best?.schema === undefined) return [wrongType('another value', value, document.at(path))];
  if (best.cost < WRONG_TYPE) return explainAll(best.issues, best.schema, document, path);
  const names = branches.flatMap(({ issues: [first], schema: branch }) =>
    first?.code === 'invalid_type' && branch !== undefined ? [expectedBy(first, branch)] : [],
  );
  return [wrongType([...new Set(names)].join(' or '), value, document.at(path))];
}

const WRONG_TYPE = 1000;

/** How far a value is from a branch: an unknown key weighs more than a missing one, another type most. */
function cost(issues: readonly Issue[], value: unknown): number {
  return issues.reduce((sum, issue) => {
    if (issue.code === 'invalid_type' && issue.path.length === 0) return sum + WRONG_TYPE;
    if (issue.code === 'unrecognized_keys') return sum + 2 * issue.keys.length;
    return sum + (valueAt(value, issue.path as Path) === undefined ? 1 : 0.5);
  }, 0);
}

/** The keys that the map at a path may have. */
function knownKeys(schema: Schema, path: Path): string[] {
  const found = schemaAt(schema, path);
  return found === undefined ? [] : keysOf(found);
}

/** Of a union the keys of all that may stand there: zod itself leaves out what is of another type. */
function keysOf(schema: Schema): string[] {
  const def = definition(bare(schema));
  if (def.type === 'union') return def.options.flatMap(keysOf);
  return def.type === 'object' ? Object.keys(def.shape) : [];
}

function schemaAt(schema: Schema, path: Path): Schema | undefined {
  let current: Schema | undefined = bare(schema);
  for (const step of path) {
    const def: Definition | undefined = current && definition(current);
    const inner: Schema | undefined =
      def?.type === 'object'
        ? def.shape[step]
        : def?.type === 'array'
          ? def.element
          : def?.type === 'record'
            ? def.valueType
            : undefined;
    current = inner && bare(inner);
  }
  return current;
}

function unionOptions(schema: Schema | undefined): readonly Schema[] {
  const def = schema && definition(schema);
  return def?.type === 'union' ? def.options : [];
}

/** A schema without what wraps it: optional, default, a transform. */
function bare(schema: Schema): Schema {
  const def = definition(schema);
  if (def.type === 'pipe') return bare(def.in);
  return 'innerType' in def ? bare(def.innerType) : schema;
}

type Definition =
  | { type: 'object'; shape: Record<string | number, Schema> }
  | { type: 'array'; element: Schema }
  | { type: 'record'; valueType: Schema }
  | { type: 'union'; options: readonly Schema[] }
  | { type: 'pipe'; in: Schema }
  | { type: 'optional' | 'default'; innerType: Schema };

function definition(schema: Schema): Definition {
  return schema._zod.def as unknown as Definition;
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = (current as Record<string | number, unknown>)[step];
  }
  return current;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** What a value of another type should have been: `a size like 64M` says more than `text`. */
function expectedBy(issue: z.core.$ZodIssueInvalidType, schema: Schema): string {
  const found = schemaAt(schema, issue.path as Path);
  const def = found?._zod.def as { format?: string; checks?: z.core.$ZodCheck[] } | undefined;
  if (def?.format === 'safeint') return 'a whole number';
  const message = def?.checks?.[0]?._zod.def.error?.(issue as never);
  if (typeof message === 'string') return message;
  return TYPE_NAMES[issue.expected] ?? issue.expected;
}

/** Messages in our schemas name what is expected: `a size like 64M`. */
function formatName(issue: z.core.$ZodIssueInvalidStringFormat): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  return issue.format === 'url' ? 'a URL' : `text that matches ${issue.pattern ?? issue.format}`;
}

function amount(bound: number | bigint, origin: string): string {
  const units: Record<string, string> = { string: ' characters', array: ' entries', map: ' entries' };
  return `${bound}${units[origin] ?? ''}`;
}

/** `asWritten` is how the value stands in the file, where that is known: 0640 is read as the number 640. */
function describe(value: unknown, asWritten?: string): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value !== 'string') return asWritten ?? String(value);
  const line = value.split('\n', 1)[0] ?? '';
  return line.length < value.length || line.length > 80 ? `'${line.slice(0, 77)}...'` : `'${line}'`;
}

/** What most often lies behind a value of another type. */
function typeHint(expected: string, value: unknown, at: SourceLocation): string | undefined {
  const isNumber = typeof value === 'number' || typeof value === 'boolean';
  if (expected === 'text' && isNumber && at.text?.[at.column - 2] === ',') {
    return 'a comma ends text between [ and ]; text that holds one is written in quotes';
  }
  if (expected === 'text' && isNumber) return `write it in quotes: "${written(at)}"`;
  const isText = !Object.values(TYPE_NAMES).includes(expected) || expected === 'text';
  if (isText && describe(value) === 'a map') return "text that holds ': ' is written in quotes";
  if (expected === 'a list' && typeof value === 'string') {
    return `a list is written [${value}], or with '- ' on lines of their own`;
  }
  return undefined;
}

/** The text at a place, as it stands in the file. */
function written({ text = '', column, length = 1 }: SourceLocation): string {
  return text.slice(column - 1, column - 1 + length);
}

/** The keys on the way; which entry of a list it is shows the place. */
function pathText(path: Path): string {
  return path.filter((step) => typeof step === 'string').join('.');
}
