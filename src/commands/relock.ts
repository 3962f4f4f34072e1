import { existsSync, readFileSync } from 'node:fs';
import { readDebFile } from '../archive/deb.ts';
import { downloadAll } from '../archive/download.ts';
import { hostMirrorSources } from '../archive/host.ts';
import { mirrorsOf } from '../archive/mirror.ts';
import { relockNewest } from '../archive/newest.ts';
import type { Emit } from '../build/event.ts';
import { enter } from '../build/presence.ts';
import { Store } from '../build/store.ts';
import { fail } from '../diagnostic.ts';
import type { Digest } from '../graph/task.ts';
import { APT_PACKAGE, lockRequest } from '../kinds/locked.ts';
import type { DebsLock, LockedDeb, Package, Project } from '../recipe/model.ts';
import { BOOTSTRAP } from './apt-in-sandbox.ts';
import type { Context } from './context.ts';
import { type Locked, lockPackages, writeFor } from './locking.ts';
import { openProject } from './session.ts';

/**
 * Locks packages anew whose locked files are gone from everywhere, and says so in a warning each. The tools that apt runs
 * on are locked by Node, in the newest versions of the same packages; all others by apt. The project has to be opened
 * again afterwards.
 *
 * @throws Failure `lock/no-debs` for a package that is downloaded from source, and those of `lockPackages`
 */
export async function relock(
  context: Context,
  project: Project,
  packages: Iterable<string>,
  emit: Emit,
): Promise<Locked[]> {
  const names = [...packages].sort();
  const locked: Locked[] = [];
  for (const name of names.filter(isRescued)) locked.push(await rescue(context, project, project.package(name)));
  const rest = names.filter((name) => !isRescued(name));
  if (rest.length > 0) locked.push(...(await lockPackages(context, openProject(context), rest, emit)));
  for (const each of locked) emit({ type: 'warning', at: Date.now(), diagnostic: warningOf(each) });
  return locked;
}

function isRescued(name: string): boolean {
  return name === BOOTSTRAP || name === APT_PACKAGE;
}

function warningOf({ name, changes }: Locked) {
  return {
    severity: 'warning' as const,
    code: 'archive/relocked',
    message: `files that package '${name}' was locked to are gone from everywhere, so it was locked anew`,
    hint: 'the image is no longer the one of the old lock: commit debs.lock.json, or use --frozen to fail instead',
    notes: changes.map((message) => ({ message })),
  };
}

async function rescue(context: Context, project: Project, pack: Package): Promise<Locked> {
  const { lock } = pack;
  const components = lockRequest(pack)?.components;
  if (!lock || !components) throw fail('lock/no-debs', `package '${pack.name}' has no lock to renew`);
  const store = new Store(context.store.root);
  const leave = await enter(store);
  const folder = store.temporary('relock');
  try {
    const options = { mirrors: hostMirrorSources(), folder, signal: context.signal, log: () => {}, components };
    const keyring = await keyringOf(lock.distribution, context, project, folder);
    return writeFor(pack, await relockNewest(lock, { ...options, keyring }));
  } finally {
    await store.discard(folder);
    leave();
  }
}

/** The distribution's public keys: out of the locked keyring package, whose sha256 is trusted, else the host's own. */
async function keyringOf(
  distribution: DebsLock['distribution'],
  context: Context,
  project: Project,
  folder: string,
): Promise<Uint8Array> {
  const name = distribution === 'debian' ? 'debian-archive-keyring' : 'ubuntu-keyring';
  const lock = project.package(APT_PACKAGE).lock;
  const deb = lock?.debs.find((each) => each.name === name);
  const locked = lock && deb && (await keysOf(deb, lock.snapshot, context, folder).catch(() => undefined));
  if (locked) return locked;
  const own = `/usr/share/keyrings/${distribution}-archive-keyring.gpg`;
  if (existsSync(own)) return readFileSync(own);
  throw fail(
    'archive/no-keyring',
    `there is no keyring to check new packages of ${distribution} with: the locked '${name}' is gone too`,
    `take a newer packages/${BOOTSTRAP} and packages/${APT_PACKAGE} of pibuild`,
  );
}

async function keysOf(deb: LockedDeb, snapshot: string, context: Context, folder: string): Promise<Buffer | undefined> {
  if (deb.archive === 'other') return undefined;
  const digest = { hash: deb.sha256, size: deb.size };
  const mirrors = mirrorsOf(deb.archive, hostMirrorSources(), snapshot);
  const from = mirrors.map((mirror) => ({ url: `${mirror.url}${deb.path}`, lastResort: mirror.snapshot }));
  const options = { partial: (of: Digest) => `${folder}/${of.hash}`, signal: context.signal };
  let keys: Buffer | undefined;
  await downloadAll([{ name: deb.name, digest, from }], options, async (_, path) => {
    keys = await readDebFile(path, /^usr\/share\/keyrings\/(debian|ubuntu)-archive-keyring\.(pgp|gpg)$/);
  });
  return keys;
}
