import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Failure, fail } from '../diagnostic.ts';
import type { Digest } from '../graph/task.ts';
import type { DebsLock, LockedDeb } from '../recipe/model.ts';
import { archivesOf, snapshotOf } from './apt.ts';
import type { ArchiveName } from './apt-defaults.ts';
import { unpackXz } from './deb.ts';
import { downloadAll } from './download.ts';
import { type Mirror, type MirrorSources, mirrorsOf } from './mirror.ts';
import { type PackageRecord, parsePackages, verifiedIndices } from './release.ts';
import { openTransfer, printable, type Transfer } from './transfer.ts';
import { compareVersions } from './version.ts';

export interface NewestOptions {
  readonly mirrors: MirrorSources;
  /** The distribution's public keys. */
  readonly keyring: Uint8Array;
  readonly components: readonly string[];
  /** An empty folder. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/**
 * A lock of the same packages in their newest versions, out of the signed indices, with Node alone: for the tools that apt
 * itself runs on, when their locked files are gone. Dependencies are not looked at: within a release they stay what they are.
 *
 * @throws Failure `archive/bad-signature`, `archive/no-suite`, `archive/unknown-package`, and those of downloads
 */
export async function relockNewest(lock: DebsLock, options: NewestOptions): Promise<DebsLock> {
  const now = new Date();
  const transfer = await openTransfer({ connect: 10_000, stall: 30_000 });
  try {
    const found: { archive: ArchiveName; record: PackageRecord }[] = [];
    for (const suite of lock.suites) found.push(...(await recordsOf(suite, lock, transfer, options)));
    const debs = lock.debs.map((deb) => newest(deb, found));
    return { ...lock, snapshot: snapshotOf(now), debs };
  } finally {
    await transfer.close();
  }
}

function newest(deb: LockedDeb, found: readonly { archive: ArchiveName; record: PackageRecord }[]): LockedDeb {
  const [best] = found
    .filter(({ record }) => record.name === deb.name)
    .sort((a, b) => compareVersions(b.record.version, a.record.version));
  if (best === undefined)
    throw fail('archive/unknown-package', `there is no package '${deb.name}' in these suites any more`);
  const { name, version, architecture, path, size, sha256 } = best.record;
  return { name, version, architecture, archive: best.archive, path, size, sha256 };
}

async function recordsOf(suite: string, lock: DebsLock, transfer: Transfer, options: NewestOptions) {
  const names = new Set(lock.debs.map(({ name }) => name));
  const { archive, mirror, indices } = await openSuite(suite, lock, transfer, options);
  const found: { archive: ArchiveName; record: PackageRecord }[] = [];
  for (const component of options.components) {
    const folder = `${component}/binary-${lock.architecture}`;
    const path = ['Packages.xz', 'Packages.gz'].map((name) => `${folder}/${name}`).find((each) => indices.has(each));
    const digest = path && indices.get(path);
    if (!digest) throw fail('archive/no-suite', `'${suite}' has no ${folder}`);
    const text = await indexText(`${mirror.url}dists/${suite}/${path}`, digest, options);
    found.push(...parsePackages(text, names).map((record) => ({ archive, record })));
  }
  return found;
}

/** The first mirror with a suite that is well signed. */
async function openSuite(suite: string, lock: DebsLock, transfer: Transfer, options: NewestOptions) {
  const notes: { message: string }[] = [];
  for (const archive of archivesOf(lock.distribution, suite)) {
    for (const mirror of mirrorsOf(archive, options.mirrors)) {
      const url = `${mirror.url}dists/${suite}/InRelease`;
      const answer = await readText(url, transfer, options.signal);
      if ('text' in answer) {
        const indices = await verifiedIndices(answer.text, options.keyring, printable(url));
        return { archive, mirror, indices } satisfies { archive: ArchiveName; mirror: Mirror; indices: unknown };
      }
      notes.push({ message: `${printable(url)} ${answer.reason}` });
    }
  }
  throw new Failure({ severity: 'error', code: 'archive/no-suite', message: `no mirror has '${suite}'`, notes });
}

async function readText(url: string, transfer: Transfer, signal: AbortSignal) {
  const answer = await transfer.open(url, 0, signal);
  if (answer.type !== 'bytes') return { reason: 'reason' in answer ? answer.reason : 'answered 416' };
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_RELEASE) return { reason: 'has no Release file but something far too large' };
  }
  return { text: Buffer.concat(chunks).toString('utf8') };
}

/** Debian's are 140 kB. */
const LARGEST_RELEASE = 16 * 1024 * 1024;

async function indexText(url: string, digest: Digest, { folder, signal, log }: NewestOptions): Promise<string> {
  let text = '';
  const options = { partial: (of: Digest) => join(folder, of.hash), signal, log };
  await downloadAll(
    [{ name: url.split('/dists/').at(-1) ?? url, digest, from: [{ url }] }],
    options,
    async (_, path) => {
      const bytes = await readFile(path);
      text = (url.endsWith('.gz') ? gunzipSync(bytes) : await unpackXz(bytes)).toString('utf8');
    },
  );
  return text;
}
