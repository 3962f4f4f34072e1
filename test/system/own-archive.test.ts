import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createCleartextMessage, generateKey, readPrivateKey, sign } from 'openpgp';
import { afterEach, expect, test } from 'vitest';
import { pibuild } from '../../src/commands/program.ts';
import { parseLock } from '../../src/recipe/lock.ts';
import { type LoopbackServer, serve } from '../helpers/archive.ts';
import { sharedStore } from '../helpers/tools.ts';

/** A userland with packages of an archive of somebody else, locked by real apt. */

const servers: LoopbackServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const packages = `Package: own-program
Version: 1.0
Architecture: arm64
Depends: libc6
Maintainer: Own <own@example.org>
Description: of nobody else
Filename: pool/own-program_1.0_arm64.deb
Size: 1234
SHA256: ${'a'.repeat(64)}
`;

const release = `Suite: own
Codename: own
Architectures: arm64
Components: main
Date: Thu, 01 Jan 2026 00:00:00 UTC
SHA256:
 ${sha256(packages)} ${packages.length} main/binary-arm64/Packages
`;

/** The archive at an address of this machine, and its public key. */
async function ownArchive(): Promise<{ url: string; key: string }> {
  const { privateKey, publicKey } = await generateKey({
    userIDs: [{ email: 'own@example.org' }],
    curve: 'ed25519Legacy',
  });
  const message = await createCleartextMessage({ text: release });
  const inRelease = await sign({ message, signingKeys: await readPrivateKey({ armoredKey: privateKey }) });
  const files: Record<string, string> = {
    '/debs/dists/own/InRelease': inRelease,
    '/debs/dists/own/main/binary-arm64/Packages': packages,
  };
  const server = await serve((request, response) => {
    const text = files[request.url ?? ''];
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  servers.push(server);
  return { url: `${server.url}/debs`, key: publicKey };
}

async function lock(url: string, key: string) {
  const project = mkdtempSync(join(tmpdir(), 'pibuild-system-'));
  const folder = join(project, 'packages/own');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(project, 'pibuild.yaml'), '');
  writeFileSync(join(folder, 'own.asc'), key);
  writeFileSync(
    join(folder, 'package.yaml'),
    `package: own\nkind: userland\nvariant: essential\nsuites: [trixie]\ndebs: [own-program]\narchives:\n  - {url: ${url}, suites: [own], key: own.asc}\n`,
  );
  const output = new PassThrough();
  let said = '';
  output.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await pibuild(['lock', 'own', '--store', sharedStore], {
    cwd: project,
    env: process.env,
    stdin: new PassThrough(),
    stdout: output,
    stderr: output,
    signal: new AbortController().signal,
  });
  return { code, said, path: join(folder, 'debs.lock.json') };
}

test("an archive that is signed with the recipe's key is taken from, and the lock says where", async () => {
  const { url, key } = await ownArchive();
  const { code, said, path } = await lock(url, key);
  expect(code, said).toBe(0);
  const { debs } = parseLock(readFileSync(path), path);
  expect(debs.find(({ name }) => name === 'own-program')).toEqual({
    name: 'own-program',
    version: '1.0',
    architecture: 'arm64',
    archive: 'other',
    url: `${url}/`,
    path: 'pool/own-program_1.0_arm64.deb',
    size: 1234,
    sha256: 'a'.repeat(64),
  });
  const base = debs.filter((deb) => deb.base).map(({ name }) => name);
  expect(base).toContain('dpkg');
  expect(base).not.toContain('own-program');
});

test('one that is signed with another key is not', async () => {
  const { url } = await ownArchive();
  const other = await generateKey({ userIDs: [{ email: 'other@example.org' }], curve: 'ed25519Legacy' });
  const { code, said } = await lock(url, other.publicKey);
  expect(code).toBe(1);
  expect(said).toContain('archive/update-failed');
  expect(said).toMatch(/sign|key/i);
});
