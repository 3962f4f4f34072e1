import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as openpgp from 'openpgp';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { relockNewest } from '../../../src/archive/newest.ts';
import { Failure } from '../../../src/diagnostic.ts';
import type { DebsLock } from '../../../src/recipe/model.ts';
import { digestIn } from '../../helpers/archive.ts';

type Keys = Awaited<ReturnType<typeof makeKeys>>;
let distribution: Keys;
let stranger: Keys;
let folder = '';

beforeAll(async () => {
  distribution = await makeKeys('Archive');
  stranger = await makeKeys('Stranger');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
});

async function makeKeys(name: string) {
  const userIDs = [{ name, email: 'archive@example.org' }];
  const { privateKey, publicKey } = await openpgp.generateKey({ type: 'ecc', userIDs, format: 'object' });
  return { privateKey, keyring: publicKey.write() };
}

/** Writes a suite of an archive at `folder`: signed, with these versions of a package. */
async function writeSuite(archive: string, suite: string, versions: readonly string[], by = distribution, more = '') {
  const records = versions.map((version, index) =>
    [
      'Package: tool',
      `Version: ${version}`,
      'Architecture: amd64',
      `Filename: pool/t/tool_${version}_amd64.deb`,
      `Size: ${index + 1}`,
      `SHA256: ${String(index).repeat(64)}`,
      'Description: a tool',
      '',
    ].join('\n'),
  );
  const packages = join(folder, archive, 'dists', suite, 'main/binary-amd64/Packages.gz');
  mkdirSync(dirname(packages), { recursive: true });
  const bytes = gzipSync(['Package: other\nVersion: 1\n', ...records].join('\n'));
  writeFileSync(packages, bytes);
  const { hash, size } = digestIn(bytes);
  const text = `Suite: ${suite}\n${more}SHA256:\n ${hash} ${size} main/binary-amd64/Packages.gz\n`;
  const message = await openpgp.createCleartextMessage({ text });
  const signed = await openpgp.sign({ message, signingKeys: by.privateKey });
  writeFileSync(join(folder, archive, 'dists', suite, 'InRelease'), signed);
}

async function relock(suites: readonly string[]) {
  const lock: DebsLock = {
    format: 1,
    distribution: 'debian',
    suites,
    architecture: 'amd64',
    requested: ['tool'],
    snapshot: '20200101T000000Z',
    debs: [
      {
        name: 'tool',
        version: '1.0',
        architecture: 'amd64',
        archive: 'debian',
        path: 'pool/t/tool_1.0_amd64.deb',
        size: 1,
        sha256: 'f'.repeat(64),
      },
    ],
  };
  const environment = {
    PIBUILD_DEBIAN_MIRROR: join(folder, 'debian'),
    PIBUILD_DEBIAN_SECURITY_MIRROR: join(folder, 'security'),
  };
  const defaults = { snapshots: {}, mirrors: {} };
  try {
    return await relockNewest(lock, {
      mirrors: { environment, aptFiles: [], mirrorList: () => undefined, defaults },
      keyring: distribution.keyring,
      components: ['main'],
      folder: mkdtempSync(join(tmpdir(), 'pibuild-test-')),
      signal: new AbortController().signal,
      log: () => {},
    });
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics[0];
    throw error;
  }
}

test('the newest version of all suites is taken, with the archive that has it', async () => {
  await writeSuite('debian', 'trixie', ['1.9-1', '1.10-1']);
  await writeSuite('security', 'trixie-security', ['1.10-1+deb13u1']);
  const lock = (await relock(['trixie', 'trixie-security'])) as DebsLock;
  expect(lock.debs).toEqual([
    {
      name: 'tool',
      version: '1.10-1+deb13u1',
      architecture: 'amd64',
      archive: 'debian-security',
      path: 'pool/t/tool_1.10-1+deb13u1_amd64.deb',
      size: 1,
      sha256: '0'.repeat(64),
    },
  ]);
  expect(lock.requested).toEqual(['tool']);
  expect(lock.snapshot).toMatch(/^20[2-9][0-9]{5}T[0-9]{6}Z$/);
});

test('indices that somebody else signed are refused', async () => {
  await writeSuite('debian', 'trixie', ['2.0'], stranger);
  expect(await relock(['trixie'])).toMatchObject({ code: 'archive/bad-signature' });
});

test('a Release file that is changed after signing is refused', async () => {
  await writeSuite('debian', 'trixie', ['2.0']);
  const path = join(folder, 'debian/dists/trixie/InRelease');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('Suite: trixie', 'Suite: tricky'));
  expect(await relock(['trixie'])).toMatchObject({ code: 'archive/bad-signature' });
});

test('what is put in front of the signed text is refused', async () => {
  await writeSuite('debian', 'trixie', ['2.0']);
  const path = join(folder, 'debian/dists/trixie/InRelease');
  writeFileSync(path, `SHA256:\n ${'0'.repeat(64)} 1 main/binary-amd64/Packages.gz\n\n${readFileSync(path, 'utf8')}`);
  const result = await relock(['trixie']);
  // Either it is refused as a whole, or only the signed part counts.
  if ('debs' in (result as DebsLock)) expect((result as DebsLock).debs[0]?.version).toBe('2.0');
  else expect(result).toMatchObject({ code: 'archive/bad-signature' });
});

test('a Release file whose time is over is refused', async () => {
  await writeSuite('debian', 'trixie', ['2.0'], distribution, 'Valid-Until: Thu, 01 Jan 2026 00:00:00 UTC\n');
  expect(await relock(['trixie'])).toMatchObject({ code: 'archive/expired' });
});

test('an index that is not the signed one is refused', async () => {
  await writeSuite('debian', 'trixie', ['2.0']);
  const path = join(folder, 'debian/dists/trixie/main/binary-amd64/Packages.gz');
  writeFileSync(path, Buffer.alloc(10));
  expect(await relock(['trixie'])).toMatchObject({ code: 'archive/wrong-bytes' });
});

test('a package that the release no longer has is named', async () => {
  await writeSuite('debian', 'trixie', []);
  expect(await relock(['trixie'])).toMatchObject({
    code: 'archive/unknown-package',
    message: "there is no package 'tool' in these suites any more",
  });
});
