import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpClient } from '../archive/transfer.ts';
import { Failure } from '../diagnostic.ts';
import type { LockedImage } from '../recipe/model.ts';
import { checkConfig, parseImageConfig } from './image-config.ts';
import {
  type Blame,
  blameImage,
  checkRunnable,
  type Descriptor,
  digestOf,
  type ImageManifest,
  type Platform,
  parseManifest,
  verified,
} from './manifest.ts';
import { mirrorVariable } from './mirrors.ts';
import { choosePlatform, formatPlatform } from './platform.ts';
import { formatReference, type ImageReference } from './reference.ts';
import { type Found, openRepository, type Repository, read } from './repository.ts';

export interface ResolveOptions {
  readonly platform: Platform;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** Milliseconds to wait before asking again after trouble; doubled after each time. Default 1000. */
  readonly pause?: number;
}

/**
 * Asks a registry what an image is: its manifest for a platform, its config, and its layers, each with size and digest.
 * Layers are not downloaded.
 *
 * @throws Failure `oci/no-image`, `oci/no-platform`, `oci/bad-image`, `oci/login`, `oci/unreachable`
 */
export async function resolveImage(reference: ImageReference, options: ResolveOptions): Promise<LockedImage> {
  const repository = openRepository(reference, options.environment);
  const client = await repository.client({ connect: 10_000, stall: 30_000 });
  try {
    return await resolve(reference, { ...options, repository, client });
  } finally {
    await client.close();
  }
}

interface Asking extends ResolveOptions {
  readonly repository: Repository;
  readonly client: HttpClient;
}

async function resolve(reference: ImageReference, asking: Asking): Promise<LockedImage> {
  const text = formatReference(reference);
  const blame = blameImage(text);
  const { manifest, descriptor, chosen } = await manifestOf(reference, text, asking, blame);
  checkRunnable(manifest, blame);
  const { bytes } = await ask(`blobs/${manifest.config.digest}`, text, asking);
  const config = parseImageConfig(verified(bytes, manifest.config, blame), blame);
  checkConfig(config, manifest.layers.length, asking.platform, text, blame);
  return {
    reference: text,
    platform: formatPlatform(chosen ?? asking.platform),
    manifest: descriptor,
    config: manifest.config,
    layers: manifest.layers.map((layer, index) => ({ ...layer, diffId: config.diffIds[index] as string })),
  };
}

/** The manifest that a name leads to, by way of an index if there is one. */
async function manifestOf(
  reference: ImageReference,
  text: string,
  asking: Asking,
  blame: Blame,
): Promise<{ manifest: ImageManifest; descriptor: Descriptor; chosen?: Platform }> {
  const found = await ask(`manifests/${reference.digest ?? reference.tag}`, text, asking);
  if (found.digest !== undefined && found.digest !== digestOf(found.bytes)) {
    throw blame(`came as ${digestOf(found.bytes)}, but the registry calls it ${found.digest}`);
  }
  if (reference.digest !== undefined && digestOf(found.bytes) !== reference.digest) {
    throw blame(`came as ${digestOf(found.bytes)}: the registry, or something on the way, changed it`);
  }
  const parsed = parseManifest(found.bytes, found.mediaType, blame);
  if (parsed.type === 'manifest') {
    const { mediaType } = parsed;
    return { manifest: parsed, descriptor: { mediaType, digest: digestOf(found.bytes), size: found.bytes.length } };
  }
  const { platform, ...entry } = choosePlatform(parsed, asking.platform, text);
  const descriptor = { mediaType: entry.mediaType, digest: entry.digest, size: entry.size };
  const { bytes } = await ask(`manifests/${entry.digest}`, text, asking);
  const manifest = parseManifest(verified(bytes, descriptor, blame), entry.mediaType, blame);
  if (manifest.type === 'index') throw blame('has an index inside of its index');
  return { manifest, descriptor, ...(platform && { chosen: platform }) };
}

type Present = Extract<Found, { type: 'found' }>;

/** One manifest or config, from whichever endpoint has it. Trouble is met by asking again, a missing one is not. */
async function ask(path: string, text: string, asking: Asking): Promise<Present> {
  const { repository, client, signal, pause = 1000 } = asking;
  let last = new Map<string, Found>();
  for (let round = 0; round < 3; round++) {
    if (round > 0) await sleep(pause * 2 ** (round - 1), undefined, { signal });
    last = new Map();
    for (const endpoint of repository.endpoints) {
      const found = await read(client, `${endpoint}/${path}`, signal);
      if (found.type === 'found') return found;
      last.set(endpoint, found);
    }
    const refused = repository.refusal();
    if (refused) throw new Failure(...refused);
    if (![...last.values()].some(({ type }) => type === 'trouble')) break;
  }
  throw notFound(text, path, asking.repository, last);
}

function notFound(
  text: string,
  path: string,
  { registry, name }: Repository,
  last: ReadonlyMap<string, Found>,
): Failure {
  const notes = [...last].map(([endpoint, found]) => ({ message: `${endpoint}/${path} ${wordsOf(found)}` }));
  const trouble = [...last.values()].some(({ type }) => type === 'trouble');
  if (trouble) {
    const hint = `try again when it is back; if its API is at another address: ${mirrorVariable(registry)}=https://...`;
    const message = `registry '${registry}' cannot be asked for image '${text}'`;
    return new Failure({ severity: 'error', code: 'oci/unreachable', message, hint, notes });
  }
  const codes = [...last.values()].map((found) => (found.type === 'missing' ? found.code : undefined));
  const message = codes.includes('NAME_UNKNOWN')
    ? `registry '${registry}' knows no repository '${name}'`
    : `registry '${registry}' has no image '${text}'`;
  return new Failure({ severity: 'error', code: 'oci/no-image', message, notes });
}

function wordsOf(found: Found): string {
  if (found.type === 'missing') return found.code === undefined ? 'answered 404' : `answered 404 (${found.code})`;
  return found.type === 'trouble' ? found.reason : 'answered';
}
