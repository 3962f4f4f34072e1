/** One line of the table that `npm run bench` prints: something that pibuild does, beside what it is measured against. */
export interface Line {
  /** What it is called on the command line. */
  readonly name: string;
  readonly what: string;
  readonly against: string;
  /** The bar in words, as the table shows it. */
  readonly bar: string;
  /** Takes many minutes: it is measured when it is named, or with --all. */
  readonly long?: boolean;
  measure(say: (text: string) => void): Promise<Measured>;
}

export interface Measured {
  /** With its unit. */
  readonly ours: string;
  readonly theirs: string;
  /** What the bar is about: a ratio, a difference, a size. */
  readonly result: string;
  readonly met: boolean;
}

/** A quotient that must not be over `most`. */
export function ratio(ours: number, theirs: number, most: number): Measured {
  const quotient = ours / theirs;
  return {
    ours: seconds(ours),
    theirs: seconds(theirs),
    result: `${quotient.toFixed(2)} x`,
    met: quotient <= most,
  };
}

/** Milliseconds as the table shows them. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
