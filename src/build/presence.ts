import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fail } from '../diagnostic.ts';
import { isAlive } from '../processes.ts';
import { claim, untilFree } from './lock.ts';
import { namesIn } from './names.ts';
import { removeFolder } from './remove.ts';
import { type Store, writing } from './store.ts';

/**
 * Who is at work in a store. A build is present from its start to its end; whoever tidies the store waits until nobody
 * is, and builds wait until the tidying is done. What a dead process left half-done is found by its lock being free.
 */

const TIDYING = 'tidying';

/** Makes a build present; resolves with what ends its presence. Waits while the store is being tidied. */
export async function enter(store: Store): Promise<() => void> {
  refuseForLoader(store.paths.root);
  const mark = store.paths.presence(store.session);
  // The lock before the mark: who finds the mark of a session without a lock takes it for dead.
  const release = await claim(store.paths.root, store.session);
  try {
    writing(() => {
      makeFolder(store.paths.presence());
      writeFileSync(mark, '');
    });
  } catch (error) {
    release?.();
    throw error;
  }
  await untilFree(store.paths.root, TIDYING);
  return () => {
    release?.();
    rmSync(mark, { force: true });
  };
}

/** The tools run through their own loader, which takes these in a path for something else (ld.so(8), --library-path). */
function refuseForLoader(root: string): void {
  const taken = /[:;$\n]/.exec(root)?.[0];
  if (taken === undefined) return;
  const what = taken === '\n' ? 'a line break' : `'${taken}'`;
  throw fail(
    'store/unusable',
    `no store can be at ${root}: its path has ${what} in it`,
    'set PIBUILD_STORE to another folder',
  );
}

/** Tidies while nobody is at work; resolves with undefined, having done nothing, when somebody is. */
export async function alone<T>(store: Store, action: () => Promise<T>): Promise<T | undefined> {
  const release = await claim(store.paths.root, TIDYING);
  if (!release) return undefined;
  try {
    const others = await living(store);
    return others.length > 0 ? undefined : await action();
  } finally {
    release();
  }
}

/** Removes what processes that are gone left half-done: temporary folders, downloads that somebody else finished. Returns how many folders. */
export async function sweep(store: Store): Promise<number> {
  let count = 0;
  for (const session of new Set([...namesIn(store.paths.temporary), ...namesIn(store.paths.presence())])) {
    const release = session === store.session ? undefined : await claim(store.paths.root, session);
    if (!release) continue;
    await removeFolder(store.paths.temporaryOf(session));
    rmSync(store.paths.presence(session), { force: true });
    release();
    count += 1;
  }
  for (const name of namesIn(store.paths.partials)) {
    const [hash = '', pid] = name.split('.');
    const needed = !existsSync(store.paths.blob(hash)) || (pid !== undefined && isAlive(Number(pid)));
    if (!needed) rmSync(store.paths.partial(name), { force: true });
  }
  return count;
}

/**
 * Makes a folder and those above it, one by one: Node's own recursive mkdir never ends below a filesystem like /proc,
 * where what was just looked for can neither be found nor made.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const hint = 'set PIBUILD_STORE to a folder that you can write to';
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw fail('store/unusable', `no store can be made at ${folder}`, hint);
    if (code !== 'EEXIST') throw error;
  }
}

/** The sessions of processes that live; the marks of dead ones are removed. */
async function living(store: Store): Promise<string[]> {
  const alive: string[] = [];
  for (const session of namesIn(store.paths.presence())) {
    const release = await claim(store.paths.root, session);
    if (!release) {
      alive.push(session);
      continue;
    }
    rmSync(store.paths.presence(session), { force: true });
    release();
  }
  return alive;
}
