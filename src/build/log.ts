import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../diagnostic.ts';

/** Makes an empty log, and the folder for it. Throws a `Failure` when that cannot be. */
export function beginLog(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
  } catch (error) {
    const reason = (error as Error).message.replace(/^[A-Z]+: |, .*$/g, '');
    throw fail(
      'output/cannot-write',
      `cannot write to ${dirname(path)}: ${reason}`,
      'logs and images go to output/ in the project',
    );
  }
}
