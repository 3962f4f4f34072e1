import type { LockedImage } from '../recipe/model.ts';
import type { Platform } from './manifest.ts';
import { type ImageReference, parseReference } from './reference.ts';

/** Where a locked image is. Its reference was checked when it was locked, and when the lock was read. */
export function locatedOf({ reference }: LockedImage): ImageReference {
  const parsed = parseReference(reference);
  if ('fault' in parsed) throw new Error(`a lock names '${reference}', which ${parsed.fault}`);
  return parsed;
}

export function platformOf({ platform }: LockedImage): Platform {
  const [os = '', architecture = '', variant] = platform.split('/');
  return { os, architecture, ...(variant !== undefined && { variant }) };
}

/** The image of this name in a lock; undefined: there is none. */
export function findLocked(images: readonly LockedImage[] | undefined, reference: string): LockedImage | undefined {
  return images?.find((each) => each.reference === reference);
}
