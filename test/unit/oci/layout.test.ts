import { expect, test } from 'vitest';
import { Failure } from '../../../src/diagnostic.ts';
import { blobPath, type LayoutChoice, layoutTexts, readLayout } from '../../../src/oci/layout.ts';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-types.ts';
import { boardPlatform } from '../../../src/oci/platform.ts';
import { type Blob, imageOf, jsonBlob } from '../../helpers/oci.ts';

const layer = Buffer.from('a layer');

function read(files: Readonly<Record<string, unknown>>, blobs: readonly Blob[], choice: Partial<LayoutChoice> = {}) {
  const all = new Map<string, Buffer>([
    ...Object.entries(files).map(([path, value]): [string, Buffer] => [path, Buffer.from(JSON.stringify(value))]),
    ...blobs.map(({ bytes, descriptor }): [string, Buffer] => [blobPath(descriptor.digest), bytes]),
  ]);
  try {
    return { image: readLayout((path) => all.get(path), { platform: boardPlatform, what: 'app', ...choice }) };
  } catch (error) {
    if (error instanceof Failure) return { told: error.diagnostics[0] };
    throw error;
  }
}

const index = (...manifests: readonly object[]) => ({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
const blobsOf = ({ layer, config, manifest }: ReturnType<typeof imageOf>) => [layer, config, manifest];

test('a layout of one image gives its config, and where its layers are', () => {
  const image = imageOf(layer, {
    config: {
      Cmd: ['/app'],
      Env: ['A=b'],
      Entrypoint: null,
      User: '1000:1000',
      WorkingDir: '/srv',
      Labels: { a: 'b' },
    },
  });
  const files = Object.fromEntries(
    layoutTexts(image.manifest.descriptor, boardPlatform).map(({ name, text }) => [name, JSON.parse(text)]),
  );
  const found = read(files, blobsOf(image)).image;
  expect(found?.layers).toEqual([
    { path: blobPath(image.layer.descriptor.digest), diffId: image.layer.descriptor.digest },
  ]);
  expect(found?.config).toMatchObject({
    cmd: ['/app'],
    env: ['A=b'],
    entrypoint: [],
    user: '1000:1000',
    workingDir: '/srv',
    labels: { a: 'b' },
  });
});

test('of an index inside the index the board takes arm64, with or without v8, and never a later variant', () => {
  const [v9, v8, amd64] = [
    imageOf(layer, { config: { Cmd: ['9'] } }),
    imageOf(layer),
    imageOf(layer, { architecture: 'amd64' }),
  ];
  const inner = jsonBlob(
    index(
      { ...amd64.manifest.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
      { ...v9.manifest.descriptor, platform: { os: 'linux', architecture: 'arm64', variant: 'v9' } },
      { ...v8.manifest.descriptor, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    ),
    OCI_INDEX,
  );
  const { image } = read({ 'index.json': index(inner.descriptor) }, [inner, ...[v9, v8, amd64].flatMap(blobsOf)]);
  expect(image?.config.cmd).toEqual([]);
});

test('an index without the board’s platform says which it has; what BuildKit keeps there is none', () => {
  const image = imageOf(layer, { architecture: 'amd64' });
  const entries = [
    { ...image.manifest.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
    { ...image.manifest.descriptor, platform: { os: 'unknown', architecture: 'unknown' } },
  ];
  expect(read({ 'index.json': index(...entries) }, blobsOf(image)).told).toMatchObject({
    code: 'oci/no-platform',
    message: "image 'app' is not there for linux/arm64",
    hint: 'it is there for linux/amd64',
  });
});

test('an image for another processor is refused where there is no index to choose from', () => {
  const image = imageOf(layer, { architecture: 'amd64' });
  expect(read({ 'index.json': index(image.manifest.descriptor) }, blobsOf(image)).told).toMatchObject({
    code: 'oci/no-platform',
    message: "image 'app' is for linux/amd64, not for linux/arm64",
  });
});

test('of several images one is chosen by its tag, and without a tag they are named', () => {
  const [one, two] = [imageOf(layer, { config: { Cmd: ['1'] } }), imageOf(layer, { config: { Cmd: ['2'] } })];
  const named = (image: typeof one, tag: string) => ({
    ...image.manifest.descriptor,
    annotations: { 'org.opencontainers.image.ref.name': tag },
  });
  const files = { 'index.json': index(named(one, 'one'), named(two, 'two')) };
  const blobs = [...blobsOf(one), ...blobsOf(two)];
  expect(read(files, blobs, { tag: 'two' }).image?.config.cmd).toEqual(['2']);
  expect(read(files, blobs, { tag: 'three' }).told).toMatchObject({
    code: 'oci/no-tag',
    message: "'app' has no image 'three'",
    hint: 'put its name behind a colon; there are: one, two',
  });
  expect(read(files, blobs).told?.message).toBe("'app' holds several images");
});

test('an archive of docker save is read by its manifest.json', () => {
  const image = imageOf(layer, { config: { Cmd: ['/app'] } });
  const files = { 'manifest.json': [{ Config: 'c.json', RepoTags: ['app:1'], Layers: ['x/layer.tar'] }] };
  const config: [string, unknown] = ['c.json', JSON.parse(image.config.bytes.toString())];
  expect(read({ ...files, ...Object.fromEntries([config]) }, [], { tag: '1' }).image).toMatchObject({
    layers: [{ path: 'x/layer.tar', diffId: image.layer.descriptor.digest }],
    config: { cmd: ['/app'] },
  });
  expect(read(files, []).told?.message).toBe("image 'app' lacks its config 'c.json'");
});

test('the media types of Docker mean what those of OCI do', () => {
  const image = imageOf(layer, {
    layerType: 'application/vnd.docker.image.rootfs.diff.tar',
    manifest: { mediaType: DOCKER_MANIFEST },
  });
  const entry = { ...image.manifest.descriptor, mediaType: DOCKER_MANIFEST };
  expect(read({ 'index.json': index(entry) }, blobsOf(image)).image?.layers).toHaveLength(1);
});

test.each<[string, Parameters<typeof imageOf>[1], string]>([
  [
    'a layer of a type that nobody knows',
    { layerType: 'application/x-tar' },
    "has a layer of the unknown type 'application/x-tar'",
  ],
  ['no layers', { manifest: { layers: undefined } }, "has no list 'layers'"],
  ['more layers than its config knows', { manifest: { layers: [] } }, 'has 0 layers, but its config speaks of 1'],
  ['a diff id that is no digest', { diffId: 'md5:1' }, "has a layer 'md5:1', which is no sha256"],
  [
    'a config without a digest',
    { manifest: { config: { mediaType: 'x', size: 1 } } },
    "has in 'config' the digest undefined, which is no sha256",
  ],
  ['a type of its own', { manifest: { mediaType: 'text/plain' } }, "is of the unknown type 'text/plain'"],
])('an image with %s is refused', (_, options, fault) => {
  const image = imageOf(layer, options);
  const told = read({ 'index.json': index(image.manifest.descriptor) }, blobsOf(image)).told;
  expect(told).toMatchObject({ code: 'oci/bad-image', message: `image 'app' ${fault}` });
});

test('a blob whose bytes are not what its digest says is refused, and so is one that is missing', () => {
  const image = imageOf(layer);
  const { descriptor } = image.config;
  const wrong = { ...image.config, bytes: Buffer.from(image.config.bytes.toString().replace('linux', 'Linux')) };
  const files = { 'index.json': index({ ...image.manifest.descriptor, mediaType: OCI_MANIFEST }) };
  expect(read(files, [image.manifest, wrong]).told?.message).toMatch(
    new RegExp(`^image 'app' has a blob ${descriptor.digest} whose bytes have the digest sha256:`),
  );
  expect(read(files, [image.manifest]).told?.message).toBe(`image 'app' lacks its blob ${descriptor.digest}`);
});

test('a folder that holds no image is told what would make it one', () => {
  expect(read({}, []).told).toMatchObject({ code: 'oci/no-layout', message: "'app' holds no image" });
});
