import { open } from 'node:fs/promises';
import { fail } from '../diagnostic.ts';
import { type CardIdentity, fillIdentity, IDENTITY_FILE } from '../image/card-identity.ts';
import { bytesOf, type CardImage, hashRanges, type Patch } from './card-image.ts';
import { findBootFile } from './fat-file.ts';

/**
 * The bytes that give a card image an identity: those of `identity.txt` on its boot partition, which the image has room for.
 *
 * @throws Failure `identity/no-file`, and those of `fillIdentity`
 */
export async function identityPatches(image: string, identity: CardIdentity): Promise<Patch[]> {
  const extents = await findBootFile(image, IDENTITY_FILE);
  if (extents === undefined) {
    const hint = 'the overlay `base` of pibuild applies one, and its boards have the file for it';
    throw fail('identity/no-file', `the image ${image} has no ${IDENTITY_FILE} on its boot partition`, hint);
  }
  const file = await open(image, 'r');
  try {
    const blank: Buffer[] = [];
    for (const { at, length } of extents) {
      const bytes = Buffer.alloc(length);
      await file.read(bytes, 0, length, at);
      blank.push(bytes);
    }
    const filled = Buffer.from(fillIdentity(Buffer.concat(blank).toString('utf8'), identity));
    let done = 0;
    return extents.map(({ at, length }) => {
      done += length;
      return { at, bytes: filled.subarray(done - length, done) };
    });
  } finally {
    await file.close();
  }
}

/** A card image that is written, and verified, with these bytes in it. What it is made of stays as it is. */
export async function patchedImage(
  image: CardImage,
  patches: readonly Patch[],
  signal: AbortSignal,
): Promise<CardImage> {
  const { map } = image;
  const touched = map.ranges.filter((range) => {
    const [start, end] = bytesOf(map, range);
    return patches.some(({ at, bytes }) => at < end && at + bytes.length > start);
  });
  const file = await open(image.path, 'r');
  try {
    const hashes = await hashRanges(file, { ...map, ranges: touched }, signal, () => {}, { patches });
    const ranges = map.ranges.map((range) => {
      const index = touched.indexOf(range);
      return index < 0 ? range : { ...range, sha256: hashes[index] ?? '' };
    });
    return { ...image, map: { ...map, ranges }, patches };
  } finally {
    await file.close();
  }
}
