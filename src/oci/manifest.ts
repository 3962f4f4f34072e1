import { createHash } from 'node:crypto';
import { type Failure, fail } from '../diagnostic.ts';
import {
  compressionOf,
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  isConfig,
  isIndex,
  isManifest,
  isSchema1,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-types.ts';
import { DIGEST } from './reference.ts';

/** What an index or a manifest says of another blob (OCI Image Specification 1.1, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface IndexEntry extends Descriptor {
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Several manifests, mostly one for each platform (image-index.md). */
export interface ImageIndex {
  readonly type: 'index';
  readonly mediaType: string;
  readonly manifests: readonly IndexEntry[];
}

/** One image (manifest.md). */
export interface ImageManifest {
  readonly type: 'manifest';
  readonly mediaType: string;
  readonly config: Descriptor;
  /** The base first. */
  readonly layers: readonly Descriptor[];
}

/** Says what is wrong with an image. `what` is how people know it. */
export type Blame = (fault: string) => Failure;

export function blameImage(what: string): Blame {
  return (fault) => fail('oci/bad-image', `image '${what}' ${fault}`);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The bytes, when they are what a descriptor says. */
export function verified(
  bytes: Uint8Array,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  blame: Blame,
): Uint8Array {
  if (bytes.length !== size) throw blame(`has a blob ${digest} of ${bytes.length} bytes instead of ${size}`);
  const actual = digestOf(bytes);
  if (actual !== digest) throw blame(`has a blob ${digest} whose bytes have the digest ${actual}`);
  return bytes;
}

/**
 * What a manifest's or an index's bytes say. `mediaType` is what they came as, where something said so; else they say it
 * themselves. Throws a `Failure` for what is neither.
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType: string | undefined,
  blame: Blame,
): ImageIndex | ImageManifest {
  const value = jsonOf(bytes, 'manifest', blame);
  const type = typeOf(value, mediaType);
  if (isIndex(type)) {
    const manifests = listOf(value.manifests, 'manifests', blame).map((each) => entryOf(each, blame));
    return { type: 'index', mediaType: type, manifests };
  }
  if (isManifest(type)) {
    const layers = listOf(value.layers, 'layers', blame).map((each) => descriptorOf(each, 'layers', blame));
    return { type: 'manifest', mediaType: type, config: descriptorOf(value.config, 'config', blame), layers };
  }
  if (isSchema1(type) || value.schemaVersion === 1) {
    throw blame('is of schema 1, which has no digests to check; it must be pushed again by a newer tool');
  }
  throw blame(`is of the unknown type '${type}'`);
}

/** A manifest of something that can be run: a config and layers of types that are known. */
export function checkRunnable({ config, layers }: ImageManifest, blame: Blame): void {
  if (!isConfig(config.mediaType)) throw blame(`is no image of a file system: its config is '${config.mediaType}'`);
  for (const { mediaType } of layers) {
    if (compressionOf(mediaType) === undefined) throw blame(`has a layer of the unknown type '${mediaType}'`);
  }
}

/** The JSON map that some bytes are. */
export function jsonOf(bytes: Uint8Array, what: string, blame: Blame): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isMap(value)) return value;
  } catch {
    // Told below.
  }
  throw blame(`has a ${what} that is not a JSON map`);
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list of a manifest or a config. */
export function listOf(value: unknown, key: string, blame: Blame): unknown[] {
  if (Array.isArray(value)) return value;
  throw blame(`has no list '${key}'`);
}

function typeOf(value: Record<string, unknown>, mediaType: string | undefined): string {
  if (typeof value.mediaType === 'string') return value.mediaType;
  const said = mediaType?.split(';')[0]?.trim();
  if (said !== undefined && (isIndex(said) || isManifest(said) || isSchema1(said))) return said;
  // OCI leaves out its own type in old manifests: what is in there says which it is.
  if (Array.isArray(value.manifests)) return said === DOCKER_INDEX ? DOCKER_INDEX : OCI_INDEX;
  if (Array.isArray(value.layers)) return said === DOCKER_MANIFEST ? DOCKER_MANIFEST : OCI_MANIFEST;
  return said ?? '';
}

function descriptorOf(value: unknown, key: string, blame: Blame): Descriptor {
  if (!isMap(value)) throw blame(`has no '${key}'`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== 'string') throw blame(`says no media type in '${key}'`);
  if (typeof digest !== 'string' || !DIGEST.test(digest)) {
    throw blame(`has in '${key}' the digest ${JSON.stringify(digest)}, which is no sha256`);
  }
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw blame(`says no size in '${key}'`);
  return { mediaType, digest, size: size as number };
}

function entryOf(value: unknown, blame: Blame): IndexEntry {
  const descriptor = descriptorOf(value, 'manifests', blame);
  const { platform, annotations } = value as Record<string, unknown>;
  return {
    ...descriptor,
    ...(isMap(platform) && { platform: platformOf(platform) }),
    ...(isMap(annotations) && { annotations: annotations as Record<string, string> }),
  };
}

function platformOf({ os, architecture, variant }: Record<string, unknown>): Platform {
  return {
    os: String(os ?? ''),
    architecture: String(architecture ?? ''),
    ...(typeof variant === 'string' && variant !== '' && { variant }),
  };
}
