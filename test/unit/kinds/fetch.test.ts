import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { hostMirrorSources } from '../../../src/archive/host.ts';
import { Failure } from '../../../src/diagnostic.ts';
import { decodeDirectory, digestOf } from '../../../src/graph/reapi.ts';
import type { Digest, Task } from '../../../src/graph/task.ts';
import { aptLibrary, createFetchKind, type FetchParams, fetchDebs, fetchSource } from '../../../src/kinds/fetch.ts';
import type { BlobStore, Workspace } from '../../../src/kinds/kind.ts';
import type { DebsLock } from '../../../src/recipe/model.ts';
import { debOf, digestIn, type LoopbackServer, sendBytes, serve } from '../../helpers/archive.ts';

const servers: LoopbackServer[] = [];
let environment: Record<string, string> = {};
/** The kind on a machine that knows of no mirror but the test's. */
const fetchKind = createFetchKind(() => ({
  environment,
  aptFiles: [],
  mirrorList: () => undefined,
  defaults: { snapshots: {}, mirrors: {} },
}));

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const bytes = { one: Buffer.from('the first deb'), two: Buffer.from('the second') };

/** A mirror with the two debs below `pool/`. */
async function mirror(): Promise<LoopbackServer> {
  const server = await serve((request, response) => {
    const found = { '/debian/pool/one_1.deb': bytes.one, '/debian/pool/two+b1.deb': bytes.two }[request.url ?? ''];
    if (found) sendBytes(request, response, found);
    else response.writeHead(404).end();
  });
  servers.push(server);
  environment = { PIBUILD_DEBIAN_MIRROR: `${server.url}/debian` };
  return server;
}

const lock: DebsLock = {
  format: 1,
  distribution: 'debian',
  suites: ['trixie'],
  architecture: 'arm64',
  requested: ['one', 'two'],
  snapshot: '20260102T030405Z',
  debs: [
    {
      name: 'one',
      version: '1:1',
      architecture: 'arm64',
      archive: 'debian',
      path: 'pool/one_1.deb',
      size: bytes.one.length,
      sha256: digestIn(bytes.one).hash,
    },
    {
      name: 'two',
      version: '2+b1',
      architecture: 'all',
      archive: 'debian',
      path: 'pool/two+b1.deb',
      size: bytes.two.length,
      sha256: digestIn(bytes.two).hash,
    },
  ],
};

function blobsIn(folder: string): BlobStore {
  mkdirSync(join(folder, 'partial'), { recursive: true });
  const path = ({ hash }: Digest): string => join(folder, hash);
  return {
    find: async (digest) => (existsSync(path(digest)) ? path(digest) : undefined),
    partial: ({ hash }) => join(folder, 'partial', hash),
    adopt: async (from, digest) => {
      renameSync(from, path(digest));
      return path(digest);
    },
  };
}

/** Runs a fetch with a store at `store`; the folder of its artifacts. */
async function run(
  task: Task,
  store = mkdtempSync(join(tmpdir(), 'pibuild-test-')),
  kind = fetchKind,
): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  const workspace: Workspace = {
    task,
    input: () => '',
    output: (name) => join(out, name),
    scratch: out,
    epoch: 1,
    signal: new AbortController().signal,
    log: () => {},
    progress: () => {},
    blobs: blobsIn(store),
  };
  await kind.run?.(workspace, task.params as FetchParams);
  return out;
}

test('debs are downloaded from the mirror into one tree, named by name, version and architecture', async () => {
  await mirror();
  const out = await run(fetchDebs('x:fetch', lock));
  expect(readdirSync(join(out, 'files')).sort()).toEqual(['one_1%3a1_arm64.deb', 'two_2+b1_all.deb']);
  expect(readFileSync(join(out, 'files/one_1%3a1_arm64.deb'), 'utf8')).toBe('the first deb');
});

test('what a fetch leaves is known before it runs', () => {
  const known = fetchKind.known?.(fetchDebs('x:fetch', lock).params as FetchParams);
  const tree = known?.artifacts.files;
  const message = known?.directories.get(tree?.digest.hash ?? '') as Uint8Array;
  expect(digestOf(message)).toEqual(tree?.digest);
  expect(decodeDirectory(message).files).toEqual([
    { name: 'one_1%3a1_arm64.deb', digest: digestIn(bytes.one), executable: false },
    { name: 'two_2+b1_all.deb', digest: digestIn(bytes.two), executable: false },
  ]);
});

test('what the store has is not downloaded, and shares its bytes', async () => {
  const server = await mirror();
  const store = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  await run(fetchDebs('x:fetch', lock), store);
  const requests = server.requests.length;
  const out = await run(fetchDebs('y:fetch', lock), store);
  expect(server.requests.length).toBe(requests);
  const inode = (path: string): number => statSync(path).ino;
  expect(inode(join(out, 'files/two_2+b1_all.deb'))).toBe(inode(join(store, digestIn(bytes.two).hash)));
});

test('two tasks that need the same files at once download each once', async () => {
  const server = await mirror();
  const store = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  await Promise.all([run(fetchDebs('x:fetch', lock), store), run(fetchDebs('y:fetch', lock), store)]);
  expect(server.requests.toSorted()).toEqual(['GET /debian/pool/one_1.deb', 'GET /debian/pool/two+b1.deb']);
});

test('files that are gone are all named', async () => {
  await mirror();
  const gone = { ...lock, debs: lock.debs.map((deb) => ({ ...deb, path: `pool/old/${deb.name}` })) };
  const error = await run(fetchDebs('x:fetch', gone)).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(Failure);
  expect((error as Failure).diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
    "archive/vanished 'one_1%3a1_arm64.deb' is gone from everywhere",
    "archive/vanished 'two_2+b1_all.deb' is gone from everywhere",
  ]);
});

test("what left the mirror comes from the snapshot service that the tools' apt knows, at the locked time", async () => {
  const empty = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  const server = await mirror();
  const snapshot = await serve((request, response) => {
    if (request.url?.startsWith('/archive/debian/20260102T030405Z/pool/old/')) sendBytes(request, response, bytes.two);
    else response.writeHead(404).end();
  });
  servers.push(snapshot);
  const library = `\0${snapshot.url}/archive/debian/@SNAPSHOTID@/\0`;
  const deb = await debOf([{ name: './usr/lib/x86_64-linux-gnu/libapt-pkg.so.7.0.0', text: library }]);
  const store = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  writeFileSync(join(store, digestIn(deb).hash), deb);
  const kind = createFetchKind((further) => ({ ...hostMirrorSources(further, empty), environment }));
  const gone = { ...lock, debs: lock.debs.slice(1).map((each) => ({ ...each, path: 'pool/old/two.deb' })) };
  const out = await run(fetchDebs('x:fetch', gone, [digestIn(deb)]), store, kind);
  expect(readFileSync(join(out, 'files/two_2+b1_all.deb'), 'utf8')).toBe('the second');
  expect(server.requests).toEqual(['GET /debian/pool/old/two.deb']);
});

test('a source at a URL, and one in an archive, is one file', async () => {
  const server = await mirror();
  const digest = { sha256: digestIn(bytes.two).hash, size: bytes.two.length };
  const url = fetchSource('x:fetch', { url: `${server.url}/debian/pool/two+b1.deb`, ...digest });
  const archive = fetchSource('x:fetch', { archive: 'debian', path: 'pool/two+b1.deb', ...digest });
  for (const source of [url, archive]) {
    const out = await run(source.task as Task);
    expect(readFileSync(join(out, 'file'), 'utf8')).toBe('the second');
    const known = fetchKind.known?.(source.task.params as FetchParams).artifacts;
    expect(known).toEqual({ file: { type: 'file', digest: digestIn(bytes.two), executable: false } });
  }
});

test("the tools' libapt-pkg is found in their lock", () => {
  const library = { ...lock.debs[0], name: 'libapt-pkg7.0' } as DebsLock['debs'][number];
  expect(aptLibrary({ ...lock, debs: [...lock.debs, library] })).toEqual([
    { hash: library.sha256, size: library.size },
  ]);
  expect(aptLibrary(lock)).toEqual([]);
});
