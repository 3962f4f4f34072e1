import { fail } from '../diagnostic.ts';
import { type Blame, isMap, jsonOf, listOf, type Platform } from './manifest.ts';
import { fits, formatPlatform } from './platform.ts';
import { DIGEST } from './reference.ts';

/** What an image says of how it is run, and what its layers are (OCI Image Specification 1.1, config.md). */
export interface ImageConfig {
  readonly platform: Platform;
  /** Digests of the uncompressed layers, the base first. */
  readonly diffIds: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** Absent: the root. */
  readonly workingDir?: string;
  /** `user`, `uid`, `user:group` or `uid:gid`; absent: root. */
  readonly user?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The signal that asks it to stop; absent: SIGTERM. */
  readonly stopSignal?: string;
}

/** Reads an image's config. Throws what `blame` makes of a fault. */
export function parseImageConfig(bytes: Uint8Array, blame: Blame): ImageConfig {
  const value = jsonOf(bytes, 'config', blame);
  const config = isMap(value.config) ? value.config : {};
  const rootfs = isMap(value.rootfs) ? value.rootfs : {};
  const diffIds = listOf(rootfs.diff_ids, 'rootfs.diff_ids', blame).map(String);
  const odd = diffIds.find((each) => !DIGEST.test(each));
  if (odd !== undefined) throw blame(`has a layer '${odd}', which is no sha256`);
  const variant = textOf(value.variant);
  const workingDir = textOf(config.WorkingDir);
  const user = textOf(config.User);
  const stopSignal = textOf(config.StopSignal);
  return {
    platform: {
      os: String(value.os ?? ''),
      architecture: String(value.architecture ?? ''),
      ...(variant !== undefined && { variant }),
    },
    diffIds,
    env: textsOf(config.Env),
    entrypoint: textsOf(config.Entrypoint),
    cmd: textsOf(config.Cmd),
    ...(workingDir !== undefined && { workingDir }),
    ...(user !== undefined && { user }),
    labels: labelsOf(config.Labels),
    ...(stopSignal !== undefined && { stopSignal }),
  };
}

/** Refuses a config of another number of layers than its manifest's, and one for a processor that is not the board's. */
export function checkConfig(
  { diffIds, platform }: ImageConfig,
  layers: number,
  wanted: Platform,
  what: string,
  blame: Blame,
): void {
  if (diffIds.length !== layers) throw blame(`has ${layers} layers, but its config speaks of ${diffIds.length}`);
  if (fits(platform, wanted)) return;
  throw fail(
    'oci/no-platform',
    `image '${what}' is for ${formatPlatform(platform)}, not for ${formatPlatform(wanted)}`,
    'it has no index, so there is no other: ask who makes it for one of several platforms',
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A list of texts; tools write null for an empty one. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function labelsOf(value: unknown): Record<string, string> {
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)])) : {};
}
