import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type OciImage, ociArchive } from '../../../src/image/oci.ts';
import { bufferSource, tarMembers } from '../../../src/image/tar-reader.ts';

/** The rules of the OCI Image Format Specification v1.1: image-layout.md, image-index.md, manifest.md, config.md, layer.md. */

const image: OciImage = {
  reference: 'i2c-twin:6.12.1',
  architecture: 'arm64',
  files: [
    { path: 'modules/i2c-twin.ko', bytes: Buffer.from('module') },
    { path: 'load', bytes: Buffer.from('program'), executable: true },
  ],
  entrypoint: ['/load', '/modules/i2c-twin.ko', '--'],
  labels: { 'org.opencontainers.image.title': 'i2c-twin' },
  epoch: 1_767_225_600,
};

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function filesIn(archive: Buffer): Map<string, { bytes: Buffer; mode: number }> {
  const members = [...tarMembers(bufferSource(archive))].filter(({ type }) => type === 'file');
  return new Map(
    members.map(({ path, offset, size, mode }) => [
      path.replace(/^\.\//, ''),
      { bytes: archive.subarray(offset, offset + size), mode },
    ]),
  );
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function jsonIn(files: ReturnType<typeof filesIn>, path: string) {
  return JSON.parse(files.get(path)?.bytes.toString() ?? '');
}

/** The blob that a descriptor names, which must be what the descriptor says. */
function blobOf(files: ReturnType<typeof filesIn>, { digest, size }: Descriptor): Buffer {
  const blob = files.get(`blobs/${digest.replace(':', '/')}`)?.bytes;
  if (blob === undefined) throw new Error(`no blob ${digest}`);
  expect(sha256(blob)).toBe(digest);
  expect(blob.length).toBe(size);
  return blob;
}

describe('an OCI image', () => {
  const files = filesIn(ociArchive(image));
  const index = jsonIn(files, 'index.json');
  const [described] = index.manifests;
  const manifest = JSON.parse(blobOf(files, described).toString());
  const config = JSON.parse(blobOf(files, manifest.config).toString());
  const [layer] = manifest.layers;

  test('is a layout of version 1.0.0', () => {
    expect(jsonIn(files, 'oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
  });

  test('has an index with one manifest, for its platform', () => {
    expect(index).toMatchObject({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json' });
    expect(index.manifests).toHaveLength(1);
    expect(described).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      platform: { architecture: 'arm64', os: 'linux' },
    });
    // "[A-Za-z0-9]+ with separators": the grammar of org.opencontainers.image.ref.name in annotations.md.
    expect(described.annotations['org.opencontainers.image.ref.name']).toMatch(
      /^[A-Za-z0-9]+([-._:@/+]+[A-Za-z0-9]+)*$/,
    );
  });

  test('has a manifest whose config and layer are of the types that the specification names', () => {
    expect(manifest).toMatchObject({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
    });
    expect(manifest.layers.map(({ mediaType }: Descriptor) => mediaType)).toEqual([
      'application/vnd.oci.image.layer.v1.tar',
    ]);
  });

  test('has a configuration that names platform, program and the digests of the uncompressed layers', () => {
    expect(config).toMatchObject({ architecture: 'arm64', os: 'linux', rootfs: { type: 'layers' } });
    expect(config.rootfs.diff_ids).toEqual([sha256(blobOf(files, layer))]);
    expect(config.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(config.config.Entrypoint).toEqual(image.entrypoint);
  });

  test('has the files in its layer, with folders above them, owned by root', () => {
    const tar = blobOf(files, layer);
    const entries = [...tarMembers(bufferSource(tar))].map(({ path, mode, uid, gid }) => [path, mode, uid, gid]);
    expect(entries).toEqual([
      ['load', 0o755, 0, 0],
      [expect.stringMatching(/^modules\/?$/), 0o755, 0, 0],
      ['modules/i2c-twin.ko', 0o644, 0, 0],
    ]);
  });

  test('has no file that nothing names', () => {
    const named = [described, manifest.config, layer].map(
      ({ digest }: Descriptor) => `blobs/${digest.replace(':', '/')}`,
    );
    expect([...files.keys()].sort()).toEqual(['index.json', 'manifest.json', 'oci-layout', ...named].sort());
  });

  test('can be loaded by Dockers from before the layout, too', () => {
    const [docker] = jsonIn(files, 'manifest.json');
    expect(docker.RepoTags).toEqual(['i2c-twin:6.12.1']);
    expect(files.has(docker.Config)).toBe(true);
    expect(docker.Layers.map((path: string) => files.has(path))).toEqual([true]);
  });

  test('is the same bytes each time', () => {
    expect(ociArchive(image).equals(ociArchive({ ...image, files: [...image.files].reverse() }))).toBe(true);
  });
});
