/** One logical line of a Kconfig file: continued lines joined, comments and help texts gone. */
export interface Line {
  readonly file: string;
  /** Of its first physical line. */
  readonly number: number;
  readonly text: string;
}

/** The lines of a Kconfig file that mean something. */
export function readLines(text: string, file: string): Line[] {
  const lines: Line[] = [];
  const physical = text.split('\n');
  for (let index = 0; index < physical.length; index++) {
    const number = index + 1;
    let line = physical[index] ?? '';
    while (line.endsWith('\\') && index + 1 < physical.length) line = `${line.slice(0, -1)} ${physical[++index] ?? ''}`;
    if (/^\s*(---)?help(---)?\s*$/.test(line)) index = skipHelp(physical, index + 1) - 1;
    else if (/^\s*[^\s#]/.test(line)) lines.push({ file, number, text: stripComment(line) });
  }
  return lines;
}

/** The first line behind a help text: one that is indented less than the text's first line. */
function skipHelp(lines: readonly string[], from: number): number {
  let first: number | undefined;
  for (let index = from; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (line.trim() === '') continue;
    const depth = indentation(line);
    first ??= depth;
    if (depth < first || depth === 0) return index;
  }
  return lines.length;
}

/** How far a line is indented; a tab goes to the next multiple of eight. */
function indentation(line: string): number {
  let depth = 0;
  for (const character of line) {
    if (character === '\t') depth = (depth & ~7) + 8;
    else if (character === ' ') depth++;
    else break;
  }
  return depth;
}

/** A line without its comment; a `#` within quotes is none. */
function stripComment(line: string): string {
  if (!line.includes('#')) return line;
  const match = /^(?:[^"'#]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*/.exec(line);
  return match?.[0] ?? line;
}
