import { type Failure, fail } from '../diagnostic.ts';
import { checkConfig, type ImageConfig, parseImageConfig, textsOf } from './image-config.ts';
import {
  type Blame,
  blameImage,
  checkRunnable,
  type Descriptor,
  digestOf,
  type ImageIndex,
  type IndexEntry,
  isMap,
  jsonOf,
  listOf,
  type Platform,
  parseManifest,
  verified,
} from './manifest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';
import { choosePlatform } from './platform.ts';

/** The files of an OCI image layout (OCI Image Specification 1.1, image-layout.md). */

/** Where a blob is in a layout. */
export function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** The files of a layout of one manifest that are no blobs. */
export function layoutTexts(
  { mediaType, digest, size }: Descriptor,
  platform: Platform,
): { name: string; text: string }[] {
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ mediaType, digest, size, platform }] };
  return [
    { name: 'index.json', text: JSON.stringify(index) },
    { name: 'oci-layout', text: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
  ];
}

/** The manifest of an image that has this config and these layers. */
export function imageManifest(config: Uint8Array, layers: readonly Descriptor[]): Buffer {
  const descriptor = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length };
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: descriptor, layers }));
}

/** Reads the files of an unpacked layout, or archive of `docker save`, by their paths; undefined: there is no such file. */
export type ReadFile = (path: string) => Uint8Array | undefined;

/** One image out of a layout. */
export interface LaidOut {
  readonly config: ImageConfig;
  /** The config as it stands in the image. */
  readonly configBytes: Uint8Array;
  /** The base first; where each is in the layout. */
  readonly layers: readonly { readonly path: string; readonly diffId: string }[];
}

export interface LayoutChoice {
  readonly platform: Platform;
  /** `org.opencontainers.image.ref.name`, where there are several images. */
  readonly tag?: string;
  /** How people know it. */
  readonly what: string;
}

/**
 * Finds an image in a layout by its index, or in an archive of `docker save` by its manifest.json. Every digest but those of
 * the layers is checked.
 *
 * @throws Failure `oci/bad-image`, `oci/no-platform`, `oci/no-tag`, `oci/no-layout`
 */
export function readLayout(read: ReadFile, choice: LayoutChoice): LaidOut {
  const blame = blameImage(choice.what);
  const index = read('index.json');
  if (index !== undefined) return readOci(read, index, choice, blame);
  const docker = read('manifest.json');
  if (docker !== undefined) return readDocker(read, docker, choice, blame);
  const hint = 'an OCI image layout has an index.json, an archive of `docker save` a manifest.json';
  throw fail('oci/no-layout', `'${choice.what}' holds no image`, hint);
}

function readOci(read: ReadFile, bytes: Uint8Array, choice: LayoutChoice, blame: Blame): LaidOut {
  const index = parseManifest(bytes, OCI_INDEX, blame);
  if (index.type !== 'index') throw blame('has an index.json that is no index');
  const named = choose(index, choice);
  const blob = (descriptor: Descriptor): Uint8Array => {
    const found = read(blobPath(descriptor.digest));
    if (found === undefined) throw blame(`lacks its blob ${descriptor.digest}`);
    return verified(found, descriptor, blame);
  };
  let manifest = parseManifest(blob(named), named.mediaType, blame);
  if (manifest.type === 'index') {
    const inner = choosePlatform(manifest, choice.platform, choice.what);
    manifest = parseManifest(blob(inner), inner.mediaType, blame);
  }
  if (manifest.type === 'index') throw blame('has an index inside of its index');
  checkRunnable(manifest, blame);
  const configBytes = blob(manifest.config);
  const config = parseImageConfig(configBytes, blame);
  checkConfig(config, manifest.layers.length, choice.platform, choice.what, blame);
  const layers = manifest.layers.map(({ digest }, at) => ({
    path: blobPath(digest),
    diffId: config.diffIds[at] ?? '',
  }));
  return { config, configBytes, layers };
}

/** The entry of an index.json: that of the tag, else the only one, else the one for the platform. */
function choose(index: ImageIndex, { tag, platform, what }: LayoutChoice): IndexEntry {
  const tags = [...new Set(index.manifests.flatMap(({ annotations }) => annotations?.[REF_NAME] ?? []))];
  if (tag === undefined) {
    if (index.manifests.length > 1 && tags.length > 1) throw noTag(what, tags, 'holds several images');
    const [only] = index.manifests;
    return index.manifests.length === 1 && only ? only : choosePlatform(index, platform, what);
  }
  const tagged = index.manifests.filter(({ annotations }) => annotations?.[REF_NAME] === tag);
  const [first] = tagged;
  if (first === undefined) throw noTag(what, tags, `has no image '${tag}'`);
  return tagged.length === 1 ? first : choosePlatform({ ...index, manifests: tagged }, platform, what);
}

const REF_NAME = 'org.opencontainers.image.ref.name';

function noTag(what: string, tags: readonly string[], fault: string): Failure {
  const hint =
    tags.length > 0 ? `put its name behind a colon; there are: ${tags.join(', ')}` : 'its images have no names';
  return fail('oci/no-tag', `'${what}' ${fault}`, hint);
}

/** moby, image/tarexport: a list of images, each with paths of its config and of its uncompressed layers. */
function readDocker(read: ReadFile, bytes: Uint8Array, choice: LayoutChoice, blame: Blame): LaidOut {
  const images = listOf(
    jsonOf(Buffer.from(`{"images":${Buffer.from(bytes)}}`), 'manifest.json', blame).images,
    'images',
    blame,
  );
  const all = images.filter(isMap).map((image) => ({
    config: String(image.Config ?? ''),
    layers: textsOf(image.Layers),
    tags: textsOf(image.RepoTags),
  }));
  const { tag, what, platform } = choice;
  const fitting = tag === undefined ? all : all.filter(({ tags }) => tags.some((each) => each.endsWith(`:${tag}`)));
  const tags = all.flatMap((image) => image.tags.map((each) => each.slice(each.lastIndexOf(':') + 1)));
  const [image] = fitting;
  if (image === undefined) throw noTag(what, tags, `has no image '${tag ?? ''}'`);
  if (fitting.length > 1) throw noTag(what, tags, 'holds several images');
  const found = read(image.config);
  if (found === undefined) throw blame(`lacks its config '${image.config}'`);
  const config = parseImageConfig(found, blame);
  checkConfig(config, image.layers.length, platform, what, blame);
  return {
    config,
    configBytes: found,
    layers: image.layers.map((path, at) => ({ path, diffId: config.diffIds[at] ?? '' })),
  };
}
