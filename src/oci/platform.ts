import type { Diagnostic } from '../diagnostic.ts';
import { Failure } from '../diagnostic.ts';
import type { ImageIndex, IndexEntry, Platform } from './manifest.ts';
import { isManifest } from './media-types.ts';

/** What a 64-bit Pi runs. */
export const boardPlatform: Platform = { os: 'linux', architecture: 'arm64' };

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === undefined ? '' : `/${variant}`}`;
}

/**
 * The manifest of an index for a platform. `v8` is what arm64 means when no variant is said, and the best there is: later
 * ones (v9) have instructions that a Pi does not.
 *
 * @throws Failure `oci/no-platform` with the platforms there are
 */
export function choosePlatform(index: ImageIndex, wanted: Platform, what: string): IndexEntry {
  const images = index.manifests.filter(({ platform }) => platform !== undefined && !isAttestation(platform));
  const chosen = images.find(({ platform }) => platform !== undefined && fits(platform, wanted));
  if (chosen) return chosen;
  // An index of one image need not say what it is for.
  const [only] = index.manifests;
  if (index.manifests.length === 1 && only?.platform === undefined && only && isManifest(only.mediaType)) return only;
  throw new Failure(notThere(images, wanted, what));
}

/** Whether an image that says it is for one platform runs on another. */
export function fits(platform: Platform, wanted: Platform): boolean {
  if (platform.os !== wanted.os || platform.architecture !== wanted.architecture) return false;
  return wanted.architecture !== 'arm64' || platform.variant === undefined || platform.variant === 'v8';
}

/** BuildKit keeps what it knows of a build in the same index, for a platform of its own. */
function isAttestation({ os }: Platform): boolean {
  return os === 'unknown';
}

function notThere(images: readonly IndexEntry[], wanted: Platform, what: string): Diagnostic {
  const known = images.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
  return {
    severity: 'error',
    code: 'oci/no-platform',
    message: `image '${what}' is not there for ${formatPlatform(wanted)}`,
    hint: known.length > 0 ? `it is there for ${known.join(', ')}` : 'its index names no platform at all',
  };
}
