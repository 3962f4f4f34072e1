import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../diagnostic.ts';
import type { DebsLock, LockedDeb } from '../recipe/model.ts';

/** A lock as it stands in `debs.lock.json`: one deb per line, so that a change of versions reads well as a diff. */
export function formatLock(lock: DebsLock): string {
  const { debs, ...head } = lock;
  const keys = Object.entries(head).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const lines = debs.map((deb) => `    ${JSON.stringify(deb)}`);
  return `{\n${keys.join(',\n')},\n  "debs": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/**
 * Puts a lock beside its package, whole or not at all.
 *
 * @throws Failure `archive/lock-not-written`
 */
export function writeLock(folder: string, lock: DebsLock): void {
  writeLockFile(join(folder, 'debs.lock.json'), formatLock(lock));
}

/** Writes a lock, whole or not at all. Throws a `Failure`. */
export function writeLockFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const hint = 'a package of pibuild itself can be copied into packages/ of your project and locked there';
    throw fail('archive/lock-not-written', `cannot write ${path}: ${(error as Error).message}`, hint);
  }
}

/** What differs between two locks, a line each: `curl 8.1 -> 8.2`, `+ new 1.0`, `- gone 1.0`. */
export function lockChanges(before: DebsLock | undefined, after: DebsLock): string[] {
  const old = new Map((before?.debs ?? []).map((deb) => [nameOf(deb), deb]));
  const changes = after.debs.flatMap((deb) => {
    const was = old.get(nameOf(deb));
    if (was === undefined) return [`+ ${deb.name} ${deb.version}`];
    if (was.version !== deb.version) return [`${deb.name} ${was.version} -> ${deb.version}`];
    return was.sha256 === deb.sha256 ? [] : [`${deb.name} ${deb.version} has other bytes`];
  });
  const now = new Set(after.debs.map(nameOf));
  const gone = (before?.debs ?? []).filter((deb) => !now.has(nameOf(deb)));
  return [...changes, ...gone.map((deb) => `- ${deb.name} ${deb.version}`)];
}

function nameOf(deb: LockedDeb): string {
  return deb.architecture === 'all' ? deb.name : `${deb.name}:${deb.architecture}`;
}
