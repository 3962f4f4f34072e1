import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAlive } from '../processes.ts';
import { namesIn } from './names.ts';

/**
 * Files of the store that are a help and never needed: one line with the sha256 of the rest, then text. One that is damaged
 * counts as none.
 */

/** The text of a file, or undefined when there is none or it is not what was written. */
export function readKept(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const end = text.indexOf('\n');
    const rest = text.slice(end + 1);
    return text.slice(0, end) === checksum(rest) ? rest : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a file, whole or not at all. That it cannot be written is not told: the next start knows less. */
export function writeKept(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, `${checksum(text)}\n${text}`);
    renameSync(unfinished, file);
    for (const left of unfinishedOf(file)) rmSync(left, { force: true });
  } catch {
    // A full disk, or a store that is only read.
  }
}

/** What processes that were killed while they wrote left beside a file. */
function unfinishedOf(file: string): string[] {
  const prefix = `${basename(file)}.`;
  return namesIn(dirname(file))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .filter((name) => !isAlive(Number(name.slice(prefix.length))))
    .map((name) => join(dirname(file), name));
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
