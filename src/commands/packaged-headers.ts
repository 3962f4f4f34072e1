import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Apt, type AptScope, lockFrom, openApt } from '../archive/apt.ts';
import { writeLock } from '../archive/lock-file.ts';
import type { Emit } from '../build/event.ts';
import { enter } from '../build/presence.ts';
import { Store } from '../build/store.ts';
import { Failure, fail } from '../diagnostic.ts';
import { HEADER_DEBS, headersArchitecture, KBUILD_DEBS } from '../kinds/packaged-kernel.ts';
import { ProjectPaths } from '../paths.ts';
import { readIfThere } from '../recipe/files.ts';
import { parseLock } from '../recipe/lock.ts';
import type { DebsLock, LockedDeb, Project } from '../recipe/model.ts';
import { openApt as openAptTools } from './apt-in-sandbox.ts';
import type { Context } from './context.ts';

/** Packaged headers as the command line names them. */
export interface Headers extends Pick<AptScope, 'distribution' | 'suites'> {
  readonly deb: string;
  /** Of the folder below `output/kernels/`. */
  readonly folder: string;
}

const DEBIAN = ['trixie', 'trixie-updates', 'trixie-security'];

/** `linux-headers-arm64`, with a suite `ubuntu/noble/linux-headers-generic`, with an architecture `...-generic:amd64`. Throws a `Failure` when it is neither. */
export function parseHeaders(text: string): Headers {
  const [, distribution = 'debian', suite, deb = ''] =
    /^(?:(debian|ubuntu)\/([a-z]+)\/)?([a-z0-9][a-z0-9.+-]*)(?::(?:amd64|arm64))?$/.exec(text) ?? [];
  if (deb === '') {
    const hint = 'like deb:linux-headers-arm64, or with a suite deb:ubuntu/noble/linux-headers-generic';
    throw fail('cli/kernel', `'deb:${text}' names no package of headers`, hint);
  }
  const suites = suite === undefined ? DEBIAN : [suite, `${suite}-updates`, `${suite}-security`];
  return { deb, distribution: distribution as Headers['distribution'], suites, folder: text.replaceAll(/[/:]/g, '+') };
}

/**
 * The lock of packaged headers: `output/kernels/<name>/debs.lock.json`, so that the next build is of the same; made by apt
 * when it is not there.
 */
export async function headersLock(context: Context, project: Project, headers: Headers, emit: Emit): Promise<DebsLock> {
  const file = lockFile(project, headers.folder);
  const written = readIfThere(file);
  if (written) return parseLock(written, file);
  if (context.options.offline) throw fail('lock/offline', `${headers.deb} was never locked, which needs the network`);
  const lock = await resolve(context, project, headers, emit);
  mkdirSync(dirname(file), { recursive: true });
  writeLock(dirname(file), lock);
  return lock;
}

/**
 * Removes the locks of headers that are gone from everywhere, so that the next try takes those that there are now; not when
 * the user wants nothing to change. `owners` are as in the tasks' ids: `kernel/<folder>`. Names what it removed.
 */
export function forgetLocks(context: Context, project: Project, owners: readonly string[], emit: Emit): string[] {
  if (context.options.frozen || context.options.offline) return [];
  for (const owner of owners) {
    const name = owner.slice('kernel/'.length);
    rmSync(lockFile(project, name), { force: true });
    const message = `headers that '${name}' was locked to are gone from everywhere, so they are locked anew`;
    const diagnostic = { severity: 'warning', code: 'archive/relocked', message } as const;
    emit({ type: 'warning', at: Date.now(), diagnostic });
  }
  return [...owners];
}

function lockFile(project: Project, name: string): string {
  return join(new ProjectPaths(project.root).kernel(name), 'debs.lock.json');
}

async function resolve(context: Context, project: Project, headers: Headers, emit: Emit): Promise<DebsLock> {
  const store = new Store(context.store.root);
  const leave = await enter(store);
  const folder = store.temporary('headers');
  const tools = await openAptTools(context, project, folder, emit);
  try {
    const log = (line: string) =>
      void (context.options.quiet || context.options.json || context.stderr.write(`${line}\n`));
    const open = (architecture: string): Promise<Apt> => {
      const scope = { ...headers, components: ['main'], architecture };
      return openApt(scope, { ...tools, folder: join(folder, architecture), signal: context.signal, log });
    };
    const architecture = headersArchitecture(headers.folder);
    const all = await (await open(architecture)).resolve([headers.deb], true);
    const debs = all.filter(({ name }) => HEADER_DEBS.test(name));
    const foreign = debs.filter(({ name, architecture: its }) => KBUILD_DEBS.test(name) && its !== BUILD);
    const native =
      foreign.length === 0
        ? []
        : await (await open(BUILD)).resolve(
            foreign.map(({ name }) => name),
            false,
          );
    checkVersions(foreign, native);
    const chosen = [...debs.filter((deb) => !foreign.includes(deb)), ...native];
    return lockFrom({ ...headers, components: ['main'], architecture }, [headers.deb], chosen, new Date());
  } finally {
    await tools.close();
    await store.discard(folder);
    leave();
  }
}

/** What the tools trees are for: programs of a package run in them. */
const BUILD = 'amd64';

function checkVersions(foreign: readonly LockedDeb[], native: readonly LockedDeb[]): void {
  for (const { name, version } of foreign) {
    const ours = native.find((deb) => deb.name === name);
    if (ours?.version === version) continue;
    const message = `${name} is ${version} for the kernel, but ${ours?.version ?? 'not there'} for ${BUILD}`;
    throw new Failure({
      severity: 'error',
      code: 'module/kbuild-version',
      message,
      hint: 'a mirror may be in the middle of an update: try later',
    });
  }
}
