import { basename } from 'node:path';
import type { Input } from '../graph/task.ts';
import type { Located } from '../recipe/model.ts';

/** Kconfig fragments (absolute paths) as inputs `fragments/*`, whose names sort in the order in which they count. */
export function fragmentInputs(fragments: readonly Located<string>[]): Record<string, Input> {
  const inputs = fragments.map(({ value, at }, index): [string, Input] => [
    `fragments/${String(index).padStart(3, '0')}-${basename(value)}`,
    { from: 'project', path: value, origin: `${at.file}:${at.line}` },
  ]);
  return Object.fromEntries(inputs);
}
