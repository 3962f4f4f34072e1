import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isFolder } from '../recipe/files.ts';
import type { Memo } from '../recipe/memo.ts';

/** How many entries are kept that this start of pibuild did not ask for: those of the project's other boards. */
const OTHERS = 400;

/**
 * A memo in a file of the store: one line with the sha256 of the rest, then JSON. It is a help that nothing depends on:
 * a file that is damaged counts as none, and one that cannot be written is not. A store that is not there is not made.
 */
export function openMemo(file: string): Memo {
  const entries = new Map(Object.entries(readEntries(file)));
  const used = new Set<string>();
  let isSaving = false;
  return {
    get: (key) => {
      used.add(key);
      return entries.get(key);
    },
    set: (key, value) => {
      entries.set(key, value);
      if (isSaving) return;
      isSaving = true;
      // Once, when the loading that is under way has come to its end.
      queueMicrotask(() => {
        isSaving = false;
        save(file, entries, used);
      });
    },
  };
}

function readEntries(file: string): Record<string, unknown> {
  try {
    const text = readFileSync(file, 'utf8');
    const end = text.indexOf('\n');
    const json = text.slice(end + 1);
    return text.slice(0, end) === checksum(json) ? JSON.parse(json) : {};
  } catch {
    return {};
  }
}

function save(file: string, entries: ReadonlyMap<string, unknown>, used: ReadonlySet<string>): void {
  const others = [...entries].filter(([key]) => !used.has(key)).slice(-OTHERS);
  const kept = [...others, ...[...entries].filter(([key]) => used.has(key))];
  const json = JSON.stringify(Object.fromEntries(kept));
  const folder = dirname(file);
  try {
    if (!isFolder(dirname(folder))) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, `${checksum(json)}\n${json}`);
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // A full disk or a store that is read-only: the next start parses again.
  }
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
