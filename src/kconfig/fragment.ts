import type { Diagnostic, SourceLocation } from '../diagnostic.ts';

/** One line of a fragment: a symbol (without `CONFIG_`) and the value asked for, as `.config` would write it. */
export interface SymbolRequest {
  readonly symbol: string;
  /** `y`, `m`, `n`, a number, or a string in its quotes. */
  readonly value: string;
  readonly at: SourceLocation;
}

export interface Fragment {
  readonly requests: readonly SymbolRequest[];
  /** Lines that mean nothing, and contradictions. kconfig itself would pass over them in silence. */
  readonly problems: readonly Diagnostic[];
}

/**
 * A Kconfig fragment: lines `CONFIG_X=value` and `# CONFIG_X is not set`, comments, blank lines.
 * A symbol asked for twice with different values is a problem; `area` begins the problems' codes.
 */
export function parseFragment(text: string, file: string, area: string): Fragment {
  const requests = new Map<string, SymbolRequest>();
  const problems: Diagnostic[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const request = parseLine(line.trimEnd(), { file, line: index + 1, column: 1 });
    if (request === undefined) continue;
    if ('message' in request) {
      problems.push({ ...request, code: `${area}/bad-fragment` });
      continue;
    }
    const earlier = requests.get(request.symbol);
    if (earlier !== undefined && earlier.value !== request.value) problems.push(contradiction(earlier, request, area));
    requests.set(request.symbol, request);
  }
  return { requests: [...requests.values()], problems };
}

/** What several fragments ask for together: of a symbol asked for twice the later fragment counts. */
export function mergeRequests(fragments: readonly Fragment[]): SymbolRequest[] {
  const merged = new Map<string, SymbolRequest>();
  for (const request of fragments.flatMap((fragment) => fragment.requests)) {
    // Deleting first moves it to the end: in a choice the member that was asked for last counts.
    merged.delete(request.symbol);
    merged.set(request.symbol, request);
  }
  return [...merged.values()];
}

const VALUE = /^([ymn]|-?[0-9]+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*")$/;

function parseLine(line: string, start: SourceLocation): SymbolRequest | Omit<Diagnostic, 'code'> | undefined {
  const unset = /^# CONFIG_(\w+) is not set$/.exec(line);
  if (unset) return { symbol: unset[1] ?? '', value: 'n', at: span(start, line, 2, line.length) };
  if (line === '' || /^\s*#/.test(line)) return undefined;
  const assignment = /^CONFIG_(\w+)=(.*)$/.exec(line);
  if (assignment === null) {
    const at = span(start, line, 0, line.length);
    return { severity: 'error', message: 'this line is neither an assignment nor a comment', hint: lineHint(line), at };
  }
  const [, symbol = '', value = ''] = assignment;
  if (VALUE.test(value)) return { symbol, value, at: span(start, line, 0, line.length) };
  const at = span(start, line, line.length - value.length, line.length);
  const message = value === '' ? `CONFIG_${symbol} has no value` : `'${value}' is no value of a symbol`;
  return {
    severity: 'error',
    message,
    hint: 'y, m, n, a number, or a text in double quotes; no comment behind it',
    at,
  };
}

function lineHint(line: string): string {
  const name = /^\s*(?:CONFIG_)?(\w+)\s*=\s*(\S+)/.exec(line);
  if (name) return `write CONFIG_${name[1]}=${name[2]}, without blanks`;
  return 'write CONFIG_NAME=value, or `# CONFIG_NAME is not set`';
}

function contradiction(earlier: SymbolRequest, later: SymbolRequest, area: string): Diagnostic {
  return {
    severity: 'error',
    code: `${area}/contradiction`,
    message: `CONFIG_${later.symbol} is asked for as ${later.value}, but this fragment asked for ${earlier.value} above`,
    at: later.at,
    notes: [{ message: `asked for as ${earlier.value} here`, at: earlier.at }],
    hint: 'remove one of the two lines',
  };
}

function span(start: SourceLocation, text: string, from: number, to: number): SourceLocation {
  return { ...start, column: from + 1, length: Math.max(1, to - from), text };
}
