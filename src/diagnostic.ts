/**
 * What a user is told when something they caused goes wrong: a closed shape that points at a place and says what
 * to do. Expected failures travel as `Result` or, out of deep code, as one `Failure`; anything else thrown is a bug.
 */

/** A place in a text file. Lines and columns count from 1, as editors do. */
export interface SourceLocation {
  file: string;
  line: number;
  column: number;
  /** How many characters the caret underlines; absent means one. */
  length?: number;
  /** The text of the whole line. Absent: the printer shows the place without the caret. */
  text?: string;
}

export interface Diagnostic {
  severity: 'error' | 'warning';
  /** Stable and greppable, `area/what`: `recipe/unknown-key`, `kernel/symbol-dropped`. */
  code: string;
  /** One sentence, lower case, no full stop. */
  message: string;
  /** What to do about it, one sentence. */
  hint?: string;
  at?: SourceLocation;
  /** Further places or facts that explain the message, each printed on lines of its own. */
  notes?: readonly { message: string; at?: SourceLocation }[];
}

export type Result<T> = { ok: true; value: T } | { ok: false; diagnostics: readonly Diagnostic[] };

export function success<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function failure<T = never>(...diagnostics: readonly Diagnostic[]): Result<T> {
  return { ok: false, diagnostics };
}

/** An expected failure thrown out of deep code; turned back into data where the builder and the CLI catch it. */
export class Failure extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(...diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((diagnostic) => diagnostic.message).join('; '));
    this.name = 'Failure';
    this.diagnostics = diagnostics;
  }
}

/** An error without a place: the short way to fail with a code, a sentence and a hint. */
export function fail(code: string, message: string, hint?: string): Failure {
  return new Failure({ severity: 'error', code, message, ...(hint === undefined ? {} : { hint }) });
}

/** The value of a result, or its diagnostics thrown as a `Failure`. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Failure(...result.diagnostics);
}

/**
 * Diagnostics as a person reads them:
 *
 *     boards/rpi3/board.yaml:4:1: error: unknown key 'pakages' [recipe/unknown-key]
 *       4 | pakages: [busybox]
 *         | ^^^^^^^
 *       hint: did you mean 'packages'?
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const place = diagnostic.at ? `${formatPlace(diagnostic.at)}: ` : '';
  const lines = [`${place}${diagnostic.severity}: ${diagnostic.message} [${diagnostic.code}]`];
  if (diagnostic.at) lines.push(...excerpt(diagnostic.at));
  for (const note of diagnostic.notes ?? []) {
    lines.push(`  ${note.at ? `${formatPlace(note.at)}: ` : ''}note: ${note.message}`);
    if (note.at) lines.push(...excerpt(note.at));
  }
  if (diagnostic.hint !== undefined) lines.push(`  hint: ${diagnostic.hint}`);
  return lines.join('\n');
}

/** Diagnostics in the order in which a reader of the files meets them; the same one twice is given once. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const unique = new Map(diagnostics.map((diagnostic) => [JSON.stringify(diagnostic), diagnostic]));
  return [...unique.values()].sort(
    (a, b) =>
      (a.at?.file ?? '').localeCompare(b.at?.file ?? '', 'en') ||
      (a.at?.line ?? 0) - (b.at?.line ?? 0) ||
      (a.at?.column ?? 0) - (b.at?.column ?? 0),
  );
}

/**
 * The places of a text by offset. `text` has no byte order mark and plain line ends; the lines are counted when the
 * first place is asked for.
 */
export function textPlaces(file: string, text: string): (offset: number, length?: number) => SourceLocation {
  let starts: number[] | undefined;
  return (offset, length) => {
    starts ??= lineStarts(text);
    const line = lineAt(starts, offset);
    const start = starts[line] ?? 0;
    const end = text.indexOf('\n', start);
    return {
      file,
      line: line + 1,
      column: offset - start + 1,
      ...(length !== undefined && { length }),
      text: text.slice(start, end === -1 ? undefined : end),
    };
  };
}

/** The known word nearest to a mistyped one, or undefined when none is near enough to be meant. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: { distance: number; candidate: string } | undefined;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { distance, candidate };
  }
  return best?.candidate;
}

/** The hint that goes with an unknown name: the nearest known one, else the list when it is short. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const names = [...known];
  const near = nearest(word, names);
  if (near !== undefined) return `did you mean '${near}'?`;
  return names.length > 0 && names.length <= 12 ? `known: ${names.sort().join(', ')}` : undefined;
}

function formatPlace(at: SourceLocation): string {
  return `${at.file}:${at.line}:${at.column}`;
}

function excerpt(at: SourceLocation): string[] {
  if (at.text === undefined) return [];
  const number = String(at.line);
  const before = at.text.slice(0, at.column - 1).replace(/[^\t]/g, ' ');
  const width = Math.max(1, Math.min(at.length ?? 1, at.text.length - at.column + 1));
  return [`  ${number} | ${at.text}`, `  ${' '.repeat(number.length)} | ${before}${'^'.repeat(width)}`];
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The index of the line that holds an offset, by halving. */
function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Damerau-Levenshtein distance (optimal string alignment): a swap of neighbours counts as one slip. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (last[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let cost = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, substitution);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current[column] = cost;
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
