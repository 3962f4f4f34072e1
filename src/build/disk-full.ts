import { type Failure, fail } from '../diagnostic.ts';

/** A full disk, whoever meets it: Node, or a command in the sandbox that can only print it. */

/** What to do about it. */
export const FREE_SPACE =
  'free some space (`pibuild gc` shrinks the store), or move the store with PIBUILD_STORE; finished tasks are kept';

/** `path` is what could not be written. */
export function diskFull(path?: string): Failure {
  return fail('store/full', path === undefined ? 'the disk is full' : `the disk is full: ${path}`, FREE_SPACE);
}

/** Whether a command that failed said that its disk was full. */
export function isDiskFull(lines: readonly string[]): boolean {
  return lines.some((line) => /No space left on device|Disk quota exceeded/.test(line));
}
