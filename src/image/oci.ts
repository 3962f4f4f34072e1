import { createHash } from 'node:crypto';
import { encodeHeader, endOfArchive, noXattrs, padding } from './tar.ts';
import { ancestorsOf, sortByPath } from './tree-path.ts';

/**
 * An image as the OCI Image Format Specification v1.1 lays it out (image-layout.md, manifest.md, config.md), in one tar:
 * what `docker load`, `ctr images import`, `skopeo` and LinuxKit take. The same files give the same bytes.
 */
export interface OciImage {
  /** `name:tag`, for those who load it. */
  readonly reference: string;
  readonly architecture: string;
  /** In one layer. */
  readonly files: readonly OciFile[];
  readonly entrypoint: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970 that everything is dated. */
  readonly epoch: number;
}

/** A file of the image, root's; folders above it are made. */
export interface OciFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly executable?: boolean;
}

/** The archive of an image. */
export function ociArchive(image: OciImage): Buffer {
  const layer = plainTar(image.files, image.epoch);
  const config = json({
    created: new Date(image.epoch * 1000).toISOString().replace('.000Z', 'Z'),
    architecture: image.architecture,
    os: 'linux',
    config: { Entrypoint: image.entrypoint, Labels: image.labels },
    // A layer that is not compressed is its own diff.
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptor(CONFIG, config),
    layers: [descriptor(LAYER, layer)],
    annotations: image.labels,
  });
  const index = json({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [
      {
        ...descriptor(MANIFEST, manifest),
        platform: { architecture: image.architecture, os: 'linux' },
        annotations: {
          'org.opencontainers.image.ref.name': tagOf(image.reference),
          // containerd's name for an imported image.
          'io.containerd.image.name': image.reference,
        },
      },
    ],
  });
  // Older Dockers know this file alone (moby, image/tarexport); newer ones and all others go by the index.
  const docker = json([{ Config: blobPath(config), RepoTags: [image.reference], Layers: [blobPath(layer)] }]);
  const files = [config, manifest, layer].map((bytes) => ({ path: blobPath(bytes), bytes }));
  return plainTar(
    [
      { path: 'oci-layout', bytes: json({ imageLayoutVersion: '1.0.0' }) },
      { path: 'index.json', bytes: index },
      { path: 'manifest.json', bytes: docker },
      ...files,
    ],
    image.epoch,
  );
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function descriptor(mediaType: string, bytes: Uint8Array): Record<string, unknown> {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

function blobPath(bytes: Uint8Array): string {
  return `blobs/${digestOf(bytes).replace(':', '/')}`;
}

function tagOf(reference: string): string {
  return reference.slice(reference.lastIndexOf(':') + 1);
}

/** Files in a tar in canonical form, with the folders above them. */
export function plainTar(files: readonly OciFile[], epoch: number): Buffer {
  const folders = [...new Set(files.flatMap(({ path }) => [...ancestorsOf(path)]))].map((path) => ({ path }));
  const entries = sortByPath<{ path: string } & Partial<OciFile>>([...folders, ...files]);
  return Buffer.concat([...entries.flatMap((entry) => entryOf(entry, epoch)), endOfArchive]);
}

function entryOf({ path, bytes, executable }: { path: string } & Partial<OciFile>, epoch: number): Uint8Array[] {
  const common = { uid: 0, gid: 0, target: '', xattrs: noXattrs };
  if (bytes === undefined) {
    return [encodeHeader({ ...common, path, type: 'folder', mode: 0o755, size: 0 }, epoch)];
  }
  const mode = executable ? 0o755 : 0o644;
  const header = encodeHeader({ ...common, path, type: 'file', mode, size: bytes.length }, epoch);
  return [header, bytes, Buffer.alloc(padding(bytes.length))];
}
