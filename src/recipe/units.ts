/** Numbers with units, as recipes write them; the schema has checked their form. */

const SIZES: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };
const TIMES: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** `64M` in bytes. */
export function parseSize(size: string | number): number {
  if (typeof size === 'number') return size;
  return Number.parseInt(size, 10) * (SIZES[size.at(-1) ?? ''] ?? 1);
}

/** `1.5s` in milliseconds. */
export function parseDuration(duration: string): number {
  const unit = duration.replace(/^[0-9.]+/, '');
  return Math.round(Number.parseFloat(duration) * (TIMES[unit] ?? 1));
}

/** Bytes as a recipe would write them: in the largest unit that says it whole. */
export function formatSize(bytes: number): string {
  const [unit, factor] = Object.entries(SIZES)
    .reverse()
    .find(([, each]) => bytes % each === 0) ?? ['', 1];
  return `${bytes / factor}${unit}`;
}

/** Milliseconds as a recipe would write them. */
export function formatDuration(milliseconds: number): string {
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}
