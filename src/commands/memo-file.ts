import { dirname } from 'node:path';
import { readKept, writeKept } from '../build/kept-file.ts';
import { isFolder } from '../recipe/files.ts';
import type { Memo } from '../recipe/memo.ts';

/** How many entries are kept that this start of pibuild did not ask for: those of the project's other boards. */
const OTHERS = 400;

/** A memo in a file of the store. A store that is not there is not made. */
export function openMemo(file: string): Memo {
  const entries = new Map<string, unknown>(Object.entries(JSON.parse(readKept(file) ?? '{}')));
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

function save(file: string, entries: ReadonlyMap<string, unknown>, used: ReadonlySet<string>): void {
  if (!isFolder(dirname(dirname(file)))) return;
  const others = [...entries].filter(([key]) => !used.has(key)).slice(-OTHERS);
  const kept = [...others, ...[...entries].filter(([key]) => used.has(key))];
  writeKept(file, JSON.stringify(Object.fromEntries(kept)));
}
