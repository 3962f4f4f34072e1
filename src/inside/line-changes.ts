/** A line of a text that is another one than it was; `line` counts from 1 in the text as it is now. */
export interface LineChange {
  readonly line: number;
  /** Absent: the line is new, or gone. */
  readonly before?: string;
  readonly now?: string;
}

/** What changed between two texts, line by line; a line in the place of another is one change. */
export function lineChanges(before: string, now: string): LineChange[] {
  const [old, lines] = [before.split('\n'), now.split('\n')];
  const start = commonStart(old, lines);
  const end = commonStart(old.slice(start).reverse(), lines.slice(start).reverse());
  const [gone, come] = [old.slice(start, old.length - end), lines.slice(start, lines.length - end)];
  return pieces(gone, come).flatMap(({ gone, come, at }) =>
    Array.from({ length: Math.max(gone.length, come.length) }, (_, index) => ({
      line: start + at + Math.min(index, Math.max(0, come.length - 1)) + 1,
      ...(index < gone.length && { before: gone[index] as string }),
      ...(index < come.length && { now: come[index] as string }),
    })),
  );
}

/** `CONFIG_I2C=y -> CONFIG_I2C=m` */
export function describeLine({ before, now }: LineChange): string {
  if (before === undefined) return `${shorten(now)} is new`;
  if (now === undefined) return `${shorten(before)} is gone`;
  const start = Math.min(before.length, now.length) <= WIDEST ? 0 : Math.max(0, commonStart(before, now) - 20);
  return `${shorten(before, start)} -> ${shorten(now, start)}`;
}

interface Piece {
  readonly gone: readonly string[];
  readonly come: readonly string[];
  /** Where it stands in the lines that came. */
  readonly at: number;
}

/** More lines than this are compared as one piece: the table is as large as their product. */
const MOST = 1000;

/** The pieces between the lines that both have, in their longest common sequence. */
function pieces(gone: readonly string[], come: readonly string[]): Piece[] {
  if (gone.length === 0 && come.length === 0) return [];
  if (gone.length > MOST || come.length > MOST) return [{ gone, come, at: 0 }];
  const lengths = commonLengths(gone, come);
  const found: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < gone.length || j < come.length) {
    const [startI, startJ] = [i, j];
    while ((i < gone.length || j < come.length) && gone[i] !== come[j]) {
      const [down, right] = [lengths[i + 1]?.[j] ?? -1, lengths[i]?.[j + 1] ?? -1];
      if (j >= come.length || (i < gone.length && down >= right)) i += 1;
      else j += 1;
    }
    if (i > startI || j > startJ) found.push({ gone: gone.slice(startI, i), come: come.slice(startJ, j), at: startJ });
    while (i < gone.length && j < come.length && gone[i] === come[j]) [i, j] = [i + 1, j + 1];
  }
  return found;
}

/** Of every two tails, how long their longest common sequence is. */
function commonLengths(a: readonly string[], b: readonly string[]): Int32Array[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Int32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    const [row, below] = [lengths[i] as Int32Array, lengths[i + 1] as Int32Array];
    for (let j = b.length - 1; j >= 0; j--) {
      row[j] = a[i] === b[j] ? (below[j + 1] as number) + 1 : Math.max(below[j] as number, row[j + 1] as number);
    }
  }
  return lengths;
}

function commonStart(a: readonly string[] | string, b: readonly string[] | string): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1;
  return at;
}

/** A line, or of a long one what is around the place that matters. */
function shorten(line = '', start = 0): string {
  const text = `${start > 0 ? '...' : ''}${line.slice(start)}`.trim();
  if (text === '') return '(an empty line)';
  return text.length > WIDEST ? `${text.slice(0, WIDEST - 3)}...` : text;
}

const WIDEST = 80;
