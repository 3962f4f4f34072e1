import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Apt, lockFrom, openApt } from '../archive/apt.ts';
import { lockChanges, writeLock } from '../archive/lock-file.ts';
import type { Emit } from '../build/event.ts';
import { enter } from '../build/presence.ts';
import { Store } from '../build/store.ts';
import { Failure } from '../diagnostic.ts';
import { type LockRequest, lockRequest } from '../kinds/locked.ts';
import type { DebsLock, Package, Project } from '../recipe/model.ts';
import { openApt as openAptTools } from './apt-in-sandbox.ts';
import type { Context } from './context.ts';

/** A package whose lock was written. */
export interface Locked {
  readonly name: string;
  readonly debs: number;
  /** Lines for people; empty: the debs are as they were. */
  readonly changes: readonly string[];
}

/**
 * Resolves packages with real apt, in the sandbox, and writes their locks when all of them are well.
 *
 * @throws Failure `lock/no-debs` for a package without debs, and those of `openApt` and `Apt.resolve`
 */
export async function lockPackages(
  context: Context,
  project: Project,
  names: readonly string[],
  emit: Emit,
): Promise<Locked[]> {
  const wanted = names.map((name) => wantedOf(project, name));
  const store = new Store(context.store.root);
  const leave = await enter(store);
  const folder = store.temporary('lock');
  try {
    const resolved = await resolveAll(context, project, wanted, folder, emit);
    return resolved.map(({ pack, lock }) => writeFor(pack, lock));
  } finally {
    await store.discard(folder);
    leave();
  }
}

/** Writes a package's lock and says what is new in it. When nothing is, the old lock stays, with its moment. */
export function writeFor(pack: Package, lock: DebsLock): Locked {
  const changes = lockChanges(pack.lock, lock);
  const asBefore = { ...lock, snapshot: pack.lock?.snapshot };
  if (!isDeepStrictEqual(asBefore, pack.lock)) writeLock(pack.folder, lock);
  return { name: pack.name, debs: lock.debs.length, changes };
}

interface Wanted {
  readonly pack: Package;
  readonly request: LockRequest;
}

function wantedOf(project: Project, name: string): Wanted {
  const pack = project.package(name);
  const request = lockRequest(pack);
  if (request !== undefined) return { pack, request };
  const message = `package '${name}' has no debs, so there is nothing to lock`;
  throw new Failure({ severity: 'error', code: 'lock/no-debs', message, at: pack.at('kind') });
}

async function resolveAll(
  context: Context,
  project: Project,
  wanted: readonly Wanted[],
  folder: string,
  emit: Emit,
): Promise<{ pack: Package; lock: DebsLock }[]> {
  const tools = await openAptTools(context, project, folder, emit);
  try {
    const apts = new Map<string, Apt>();
    const resolved: { pack: Package; lock: DebsLock }[] = [];
    for (const { pack, request } of wanted) {
      const { distribution, suites, components, architecture, archives } = request;
      const scope = JSON.stringify([distribution, suites, components, architecture, archives]);
      const own = join(folder, `scope-${apts.size}`);
      const options = { ...tools, folder: own, signal: context.signal, log: (line: string) => tell(context, line) };
      const apt = apts.get(scope) ?? (await openApt(request, options));
      apts.set(scope, apt);
      const { debs: names, deps, variant } = request;
      const debs = await placed(pack, request, () =>
        variant === undefined ? apt.resolve(names, deps) : apt.resolveRoot(names, variant),
      );
      resolved.push({ pack, lock: lockFrom(request, names, debs, new Date(), variant) });
    }
    return resolved;
  } finally {
    await tools.close();
  }
}

function tell({ options, stderr }: Context, line: string): void {
  if (!options.quiet && !options.json) stderr.write(`${line}\n`);
}

/** Gives what went wrong the place in the recipe that asked for it. */
async function placed<T>(pack: Package, { debs }: LockRequest, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(
      ...error.diagnostics.map((diagnostic) => {
        const named = debs.findIndex((name) => diagnostic.message.includes(`'${name}'`));
        const at = named < 0 ? pack.at('debs') : pack.at('debs', named);
        return { ...diagnostic, at };
      }),
    );
  }
}
