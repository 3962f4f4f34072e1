import { createHash } from 'node:crypto';

/**
 * Remembers what parsing gave, from one start of pibuild to the next: with nothing to build, parsing would be most of
 * what there is to do. Only of pure functions of a text, by the text's hash, so it can be lost but never be stale.
 */
export interface Memo {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}

/** Raise it when a parser comes to give something else for the same text. */
const REVISION = 1;

/** What `parse` gives for a text: plain data. A text that it throws at is not remembered. */
export function memoised<T>(memo: Memo | undefined, parser: 'yaml' | 'template', text: string, parse: () => T): T {
  if (memo === undefined) return parse();
  const key = `${parser}-${REVISION}-${createHash('sha256').update(text).digest('base64url')}`;
  const known = memo.get(key);
  if (known !== undefined) return known as T;
  const parsed = parse();
  memo.set(key, parsed);
  return parsed;
}
