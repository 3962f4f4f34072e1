import { isUtf8 } from 'node:buffer';
import { Failure, type SourceLocation, textPlaces } from '../diagnostic.ts';
import { type Memo, memoised } from './memo.ts';
import { recipeProblem } from './problem.ts';
import { type Mark, type Parsed, type Place, parseYaml, type Span, spanPlace } from './yaml.ts';

/** The way to a value inside a recipe: keys of maps and positions in lists. */
export type Path = readonly (string | number)[];

/** A YAML file as plain data that still knows where each value stands. */
export interface RecipeDocument {
  /** As diagnostics show it. */
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** Where the parsing of its templates is remembered, as its own is. */
  readonly memo?: Memo;
  /** The place of the value at a path; of a map or list that of its key. What is not there: the nearest thing around it. */
  at(path: Path): SourceLocation;
  /** Whether there is a value at a path. */
  has(path: Path): boolean;
  /** The place of the key at a path. */
  keyAt(path: Path): SourceLocation;
  /** The place of a piece of the text at a path; the piece begins at or after a `{{` (templates are what this is for). */
  within(path: Path, offset: number, length: number): SourceLocation;
}

/** Reads a recipe. Throws a `Failure` with what is wrong with its YAML. */
export function readDocument(bytes: Uint8Array, file: string, memo?: Memo): RecipeDocument {
  const text = decode(bytes);
  if (text === undefined) {
    throw new Failure(recipeProblem('encoding', 'the file is not UTF-8 text', { file, line: 1, column: 1 }));
  }
  const place = textPlaces(file, text);
  const parsed = memoised(memo, 'yaml', text, () => parseYaml(text, place));
  return documentOf(file, text, parsed, { place, ...(memo && { memo }) });
}

/** The text without a byte order mark and with plain line ends, or undefined when it is not UTF-8. */
export function decode(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return (text.startsWith('\uFEFF') ? text.slice(1) : text).replaceAll('\r\n', '\n');
}

function documentOf(
  file: string,
  text: string,
  { value, marks }: Parsed,
  { place, memo }: { place: Place; memo?: Memo },
): RecipeDocument {
  return {
    file,
    value,
    ...(memo && { memo }),
    at: (path) => spanPlace(valueSpan(find(marks, path)), place),
    has: (path) => find(marks, path).whole,
    keyAt: (path) => {
      const { mark } = find(marks, path);
      return spanPlace(mark.key ?? firstWord(mark), place);
    },
    within: (path, offset, length) => {
      const [start] = find(marks, path).mark.value;
      return place(offsetWithin(text, start, String(at(value, path)), offset), length);
    },
  };
}

/** The mark at a path, or the innermost one around it that is there. */
function find(marks: Mark, path: Path): { mark: Mark; whole: boolean } {
  let mark = marks;
  for (const step of path) {
    const { inner } = mark;
    const next =
      inner !== undefined && Object.hasOwn(inner, step) ? (inner as Record<string | number, Mark>)[step] : undefined;
    if (next === undefined) return { mark, whole: false };
    mark = next;
  }
  return { mark, whole: true };
}

function valueSpan({ mark, whole }: { mark: Mark; whole: boolean }): Span {
  const [start, end] = mark.value;
  if (whole && mark.inner === undefined && end > start) return mark.value;
  return mark.key ?? firstWord(mark);
}

/** Of a map or list without a key of its own: the first word in it. */
function firstWord({ inner, value: [start] }: Mark): Span {
  const first = inner && Object.values(inner)[0];
  const span = first?.key ?? (first?.inner === undefined ? first?.value : undefined);
  return span ?? [start, start + 1];
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], value);
}

/**
 * Where a piece of a text stands in the file. Every style of YAML text keeps `{{` as it is and in order, so counting
 * them finds the place whatever the style.
 */
function offsetWithin(file: string, start: number, text: string, offset: number): number {
  const opened = text.slice(0, offset + 2).lastIndexOf('{{');
  const count = text.slice(0, opened).split('{{').length;
  let found = start - 2;
  for (let n = 0; n < count; n++) found = file.indexOf('{{', found + 2);
  return Math.max(0, found) + offset - opened;
}
