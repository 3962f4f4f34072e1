import { createPrivateKey, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { run } from '../../src/build/command.ts';
import { throughLoader } from '../../src/build/sandbox.ts';
import { blobPath } from '../../src/oci/layout.ts';
import { digestOf } from '../../src/oci/manifest.ts';
import { OCI_INDEX, OCI_LAYER } from '../../src/oci/media-types.ts';
import { parseImageLock } from '../../src/recipe/lock.ts';
import { tarOf } from '../helpers/archive.ts';
import { type Blob, imageOf, jsonBlob } from '../helpers/oci.ts';
import { push, type RunningRegistry, startRegistry, startTokens, writeLayout } from '../helpers/registry.ts';
import { runPibuild, serviceLayout } from '../helpers/services.ts';
import { buildWith, toolsOf } from '../helpers/tools.ts';

/** Images out of Debian's docker-registry, pushed there by skopeo, each test in a project and a store of its own. */

let tree = '';
let top = '';
let registry: RunningRegistry;
let layer: Buffer = Buffer.alloc(0);
const images = { arm64: '', index: '', amd64: '' };

beforeAll(async () => {
  top = mkdtempSync(join(tmpdir(), 'pibuild-registry-'));
  const built = await buildWith(['tools/registry'], (provides) => ({
    tasks: [],
    target: toolsOf(provides('tools/registry')).task,
  }));
  tree = await built.output('tools/registry:unpack', 'tree');
  registry = await startRegistry({ tree, folder: join(top, 'registry') });
  layer = await tarOf([
    { name: 'etc/', type: 'directory', mode: 0o755 },
    { name: 'etc/motd', text: 'from a registry\n' },
  ]);
  await fill();
}, 300_000);

afterAll(async () => {
  await registry?.stop();
  rmSync(top, { recursive: true, force: true });
});

/** One image for arm64 and amd64 under the tag 1.0, one for amd64 alone under `pc`. */
async function fill(): Promise<void> {
  const zipped = gzipSync(layer);
  const gzip = { layerType: `${OCI_LAYER}+gzip`, diffId: digestOf(layer), config: { Cmd: ['/bin/app'], Env: ['A=b'] } };
  const [arm64, amd64] = [imageOf(zipped, gzip), imageOf(zipped, { ...gzip, architecture: 'amd64' })];
  const entry = ({ manifest }: typeof arm64, architecture: string) => ({
    ...manifest.descriptor,
    platform: { os: 'linux', architecture },
  });
  const index = jsonBlob(
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry(amd64, 'amd64'), entry(arm64, 'arm64')] },
    OCI_INDEX,
  );
  const blobs = ({ layer: one, config, manifest }: typeof arm64): Blob[] => [one, config, manifest];
  writeLayout(join(top, 'both'), '1.0', index, [...blobs(arm64), ...blobs(amd64)]);
  await push(tree, join(top, 'both'), `${registry.host}/team/app:1.0`);
  writeLayout(join(top, 'pc'), 'pc', amd64.manifest, blobs(amd64));
  await push(tree, join(top, 'pc'), `${registry.host}/team/app:pc`);
  images.arm64 = arm64.manifest.descriptor.digest;
  images.amd64 = amd64.manifest.descriptor.digest;
  images.index = index.descriptor.digest;
}

let project = '';
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'pibuild-system-'));
  writeFileSync(join(project, 'pibuild.yaml'), 'project: images\n');
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

function service(name: string, image: string): void {
  mkdirSync(join(project, 'packages', name), { recursive: true });
  writeFileSync(join(project, 'packages', name, 'package.yaml'), `package: ${name}\nkind: service\nimage: ${image}\n`);
}

const lockPath = (name: string): string => join(project, 'packages', name, 'image.lock.json');
const lockOf = (name: string) => parseImageLock(readFileSync(lockPath(name)), 'image.lock.json');
const lock = (name: string, env: NodeJS.ProcessEnv = {}) => runPibuild(project, ['lock', name], env);

test('a tag is locked to the image for the board, and built from the lock alone when the tag has moved on', async () => {
  const name = `${registry.host}/team/app:moving`;
  await push(tree, join(top, 'both'), name);
  service('app', name);
  const first = await lock('app');
  expect(first).toMatchObject({ code: 0, text: `app: 1 image\n  + ${name} ${images.arm64}\n` });
  const [image] = lockOf('app').images;
  expect(image).toMatchObject({ platform: 'linux/arm64', manifest: { digest: images.arm64 } });
  expect(image?.layers.map(({ diffId }) => diffId)).toEqual([digestOf(layer)]);

  expect((await lock('app')).text).toBe('app: 1 image, as before\n');
  await push(tree, join(top, 'pc'), name);
  expect((await lock('app')).code).toBe(1);

  const layout = await serviceLayout(project, 'app');
  expect(layout.told).toEqual([]);
  const made = JSON.parse(readFileSync(join(layout.path, 'index.json'), 'utf8'));
  const manifest = JSON.parse(readFileSync(join(layout.path, blobPath(made.manifests[0].digest)), 'utf8'));
  expect(manifest.layers).toEqual([{ mediaType: OCI_LAYER, digest: digestOf(layer), size: layer.length }]);
  expect(readFileSync(join(layout.path, blobPath(digestOf(layer)))).equals(layer)).toBe(true);
  expect(JSON.parse(readFileSync(join(layout.path, blobPath(manifest.config.digest)), 'utf8')).config).toEqual({
    Cmd: ['/bin/app'],
    Env: ['A=b'],
  });
});

test('an image by the digest of its index is found, and by that of its manifest too', async () => {
  service('app', `${registry.host}/team/app@${images.index}`);
  expect((await lock('app')).code).toBe(0);
  expect(lockOf('app').images[0]?.manifest.digest).toBe(images.arm64);
  service('other', `${registry.host}/team/app@${images.arm64}`);
  expect((await lock('other')).code).toBe(0);
  expect(lockOf('other').images[0]?.manifest.digest).toBe(images.arm64);
});

test('without a lock nothing is built, and the hint makes one', async () => {
  service('app', `${registry.host}/team/app:1.0`);
  expect(await serviceLayout(project, 'app')).toMatchObject({
    told: [
      expect.objectContaining({
        code: 'oci/not-locked',
        message: `image '${registry.host}/team/app:1.0' was never locked`,
        hint: 'pibuild lock app',
        at: expect.objectContaining({ file: 'packages/app/package.yaml', line: 3, column: 8 }),
      }),
    ],
  });
});

test.each([
  [
    'an unknown tag',
    'team/app:2.0',
    (host: string) => `registry '${host}' has no image '${host}/team/app:2.0' [oci/no-image]`,
  ],
  [
    'an unknown repository',
    'team/nothing:1',
    (host: string) => `registry '${host}' has no image '${host}/team/nothing:1' [oci/no-image]`,
  ],
  [
    'an unknown digest',
    `team/app@sha256:${'0'.repeat(64)}`,
    (host: string) => `registry '${host}' has no image '${host}/team/app@sha256:${'0'.repeat(64)}'`,
  ],
  [
    'an image that is not for the board',
    'team/app:pc',
    (host: string) => `image '${host}/team/app:pc' is for linux/amd64, not for linux/arm64 [oci/no-platform]`,
  ],
])('%s is told at the line that names it', async (_, name, message) => {
  service('app', `${registry.host}/${name}`);
  const { code, text } = await lock('app');
  expect(code).toBe(1);
  expect(text).toContain(`packages/app/package.yaml:3:8: error: ${message(registry.host)}`);
  expect(existsSync(lockPath('app'))).toBe(false);
});

test('a registry that is down is told, with where its mirror would be named', async () => {
  const gone = await startRegistry({ tree, folder: join(project, 'gone') });
  await gone.stop();
  service('app', `${gone.host}/team/app:1.0`);
  const { code, text } = await lock('app');
  expect(code).toBe(1);
  expect(text).toContain(`registry '${gone.host}' cannot be asked for image`);
  expect(text).toContain('connection refused');
  expect(text).toContain(`PIBUILD_REGISTRY_MIRROR_${gone.host.replace(/[.:]/g, '_')}=https://...`);
}, 60_000);

test('a mirror that the environment names is asked instead, and the lock keeps the name of the registry', async () => {
  service('app', 'registry.example/team/app:1.0');
  const mirror = { PIBUILD_REGISTRY_MIRROR_REGISTRY_EXAMPLE: `http://${registry.host}` };
  expect((await lock('app', mirror)).code).toBe(0);
  expect(lockOf('app').images[0]?.reference).toBe('registry.example/team/app:1.0');
});

test('a service that a board describes by itself has its lock beside the board', async () => {
  const folder = join(project, 'boards/gate');
  mkdirSync(folder, { recursive: true });
  const name = `${registry.host}/team/app:1.0`;
  const lines = ['board: gate', 'extends: rpi3-minimal', `services: [{name: app, image: "${name}"}]`, ''];
  writeFileSync(join(folder, 'board.yaml'), lines.join('\n'));
  const before = await runPibuild(project, ['graph', 'gate', 'gate:root']);
  expect(before.text).toContain('boards/gate/board.yaml:3:31: error: image');
  expect(before.text).toContain('hint: pibuild lock gate');
  expect(await lock('gate')).toMatchObject({ code: 0 });
  const [image] = parseImageLock(readFileSync(join(folder, 'image.lock.json')), 'image.lock.json').images;
  expect(image?.manifest.digest).toBe(images.arm64);
  expect((await runPibuild(project, ['graph', 'gate', 'gate:root'])).text).toMatch(/:fetch\s/);
});

test('a layer that the registry keeps with other bytes is refused while it comes', async () => {
  const data = join(project, 'data');
  const options = { tree, folder: join(project, 'evil'), data };
  const evil = await startRegistry(options);
  try {
    // Bytes that no store has yet.
    const own = await tarOf([{ name: 'unique', text: randomBytes(40).toString('hex') }]);
    const image = imageOf(own);
    writeLayout(join(project, 'own'), '1', image.manifest, [image.layer, image.config]);
    await push(tree, join(project, 'own'), `${evil.host}/own:1`);
    service('app', `${evil.host}/own:1`);
    expect((await lock('app')).code).toBe(0);
    const hash = digestOf(own).slice('sha256:'.length);
    const file = join(data, 'docker/registry/v2/blobs/sha256', hash.slice(0, 2), hash, 'data');
    writeFileSync(
      file,
      own.map((byte, at) => (at === 600 ? byte ^ 1 : byte)),
    );
    const { ok, told } = await serviceLayout(project, 'app');
    expect(ok).toBe(false);
    expect(told).toMatchObject([{ code: 'archive/wrong-bytes', hint: `expected sha256 ${hash}` }]);
    rmSync(file);
    const gone = await serviceLayout(project, 'app');
    expect(gone.told).toMatchObject([{ code: 'archive/vanished', hint: 'pibuild lock app' }]);
  } finally {
    await evil.stop();
  }
}, 120_000);

test('a registry with user and password is logged in to by the config.json of docker login', async () => {
  const file = join(project, 'htpasswd');
  const made = await outputOf('htpasswd', ['-Bbn', 'me', 'secret']);
  writeFileSync(file, made);
  const auth = { htpasswd: { realm: 'test', path: file } };
  const closed = await startRegistry({ tree, folder: join(project, 'closed'), auth });
  try {
    await push(tree, join(top, 'both'), `${closed.host}/team/app:1.0`, ['--dest-creds', 'me:secret']);
    service('app', `${closed.host}/team/app:1.0`);
    const nobody = await lock('app', { DOCKER_CONFIG: project });
    expect(nobody.code).toBe(1);
    expect(nobody.text).toContain(`error: '${closed.host}' wants a login [oci/login]`);
    expect(nobody.text).toContain(`docker login ${closed.host}`);
    expect((await lock('app', { DOCKER_CONFIG: dockerConfig(closed.host, 'me:secret') })).code).toBe(0);
    const wrong = await lock('app', { DOCKER_CONFIG: dockerConfig(closed.host, 'me:wrong') });
    expect(wrong.text).toContain(`error: '${closed.host}' refuses 'team/app' to this login [oci/login]`);
    expect(wrong.text).not.toContain('wrong');
  } finally {
    await closed.stop();
  }
}, 120_000);

test('a registry with tokens is asked with one of its token server, for this repository alone', async () => {
  const certificate = join(project, 'certificate.pem');
  const key = join(project, 'key.pem');
  const subject = ['-nodes', '-days', '2', '-subj', '/CN=test'];
  await outputOf('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-keyout', key, '-out', certificate, ...subject]);
  const signing = createPrivateKey(readFileSync(key));
  const tokens = await startTokens(signing, readFileSync(certificate, 'utf8'), 'me:secret');
  const token = { realm: tokens.url, service: 'test', issuer: 'test', rootcertbundle: certificate };
  const closed = await startRegistry({ tree, folder: join(project, 'closed'), auth: { token } });
  try {
    await push(tree, join(top, 'both'), `${closed.host}/team/app:1.0`, ['--dest-creds', 'me:secret']);
    service('app', `${closed.host}/team/app:1.0`);
    const login = { DOCKER_CONFIG: dockerConfig(closed.host, 'me:secret') };
    tokens.requests.length = 0;
    expect(await lock('app', login)).toMatchObject({ code: 0 });
    expect(tokens.requests).toEqual([
      `?service=test&scope=repository%3Ateam%2Fapp%3Apull Basic ${Buffer.from('me:secret').toString('base64')}`,
    ]);
    const nobody = await lock('app', { DOCKER_CONFIG: project });
    expect(nobody.text).toContain(`error: '${closed.host}' wants a login for 'team/app' [oci/login]`);
  } finally {
    await closed.stop();
    await tokens.close();
  }
}, 120_000);

/** A folder with a config.json that has one login. */
function dockerConfig(host: string, login: string): string {
  const folder = mkdtempSync(join(project, 'docker-'));
  const auths = { [host]: { auth: Buffer.from(login).toString('base64') } };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths }));
  return folder;
}

/** What a program of the tools tree prints. */
async function outputOf(program: string, words: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const ended = await run({
    argv: [...throughLoader(tree, `usr/bin/${program}`), ...words],
    signal: new AbortController().signal,
    onLine: (line) => lines.push(line),
  });
  if (ended.code !== 0) throw new Error(lines.join('\n'));
  return `${lines.join('\n')}\n`;
}
