import type { ImageLock, LockedImage } from '../recipe/model.ts';
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

/** A lock as it stands in `image.lock.json`: one image per line. */
export function formatImageLock({ format, images }: ImageLock): string {
  const lines = images.map((image) => `    ${JSON.stringify(image)}`);
  return `{\n  "format": ${format},\n  "images": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** What differs between two locks, a line each. */
export function imageChanges(before: ImageLock | undefined, after: ImageLock): string[] {
  const changes = after.images.flatMap((image) => {
    const was = findLocked(before?.images, image.reference);
    if (was === undefined) return [`+ ${image.reference} ${image.manifest.digest}`];
    if (was.manifest.digest === image.manifest.digest) return [];
    return [`${image.reference} ${was.manifest.digest} -> ${image.manifest.digest}`];
  });
  const gone = (before?.images ?? []).filter(({ reference }) => !findLocked(after.images, reference));
  return [...changes, ...gone.map(({ reference }) => `- ${reference}`)];
}
