import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Failure, fail } from '../diagnostic.ts';
import { type Disk, isThere } from './block-device.ts';
import {
  bytesOf,
  type CardImage,
  CHUNK,
  type Chunk,
  chunksOf,
  EndedEarly,
  eachChunk,
  hashRanges,
  type OnProgress,
  pageBuffers,
  patchChunk,
  reasonOf,
} from './card-image.ts';

/** What an image is written to. */
export type Target =
  | { readonly kind: 'disk'; readonly path: string; readonly disk: Disk }
  | { readonly kind: 'file'; readonly path: string };

export interface CardWork {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Whether what was read back came from the card itself, or may have come from memory. */
export type ReadBack = 'direct' | 'cached';

/** Lets others have the disk again. */
export type Release = () => Promise<void>;

/**
 * Writes the mapped blocks of an image, and returns when they are on the card. Of a disk the first chunk, with the
 * partition table, comes last: a card that was not finished has none. The kernel holds the disk for us alone meanwhile
 * (O_EXCL: nobody can mount it) and writes past its page cache (O_DIRECT), so progress and errors are the card's own.
 * Throws a `Failure` that says how much was written; `signal` ends it between two chunks. A disk stays ours until what is
 * given back is called: as soon as it is not, desktops mount what they find on it, and so write to it.
 */
export async function writeCard(image: CardImage, target: Target, work: CardWork): Promise<Release> {
  const source = await open(image.path, 'r');
  try {
    const file = await openToWrite(target, image.map.imageSize);
    let done = 0;
    let at = 0;
    try {
      const writeChunks = (chunks: readonly Chunk[]) =>
        eachChunk(source, chunks, work.signal, async (chunk, bytes) => {
          at = chunk.at;
          patchChunk(chunk, bytes, image.patches);
          await writeFully(file, bytes, chunk.at, chunk.length);
          done += chunk.length;
          work.onProgress(done, image.mapped);
        });
      const { first, others } = inOrder(chunksOf(image.map), target);
      await blankTable(file, first);
      await writeChunks(others);
      await file.sync();
      await writeChunks(first);
      await file.sync();
    } catch (error) {
      await file.close().catch(() => {});
      throw await writeFailure(error, target, { done, total: image.mapped, at });
    }
    return () => file.close();
  } finally {
    await source.close();
  }
}

/**
 * Reads every mapped block back, past the page cache where that can be (O_DIRECT), and compares its checksum. Throws a
 * `Failure` that names the first bytes that are wrong.
 */
export async function verifyCard(image: CardImage, target: Target, work: CardWork): Promise<ReadBack> {
  const { file, from } = await openToRead(target, image.map.blockSize);
  try {
    // Filesystems want whole blocks where an image ends in the middle of one.
    const step = target.kind === 'file' ? FILE_BLOCK : 1;
    const hashes = await hashRanges(file, image.map, work.signal, work.onProgress, { step });
    const wrong = image.map.ranges.find((range, index) => range.sha256 !== hashes[index]);
    if (wrong === undefined) return from;
    throw await mismatch(image, target, file, chunksOf(image.map, [wrong]), bytesOf(image.map, wrong), step);
  } catch (error) {
    throw await readFailure(error, target);
  } finally {
    await file.close().catch(() => {});
  }
}

/** Writes a whole image, zeros where it has holes, to a pipe. */
export async function streamCard(image: CardImage, output: NodeJS.WritableStream, work: CardWork): Promise<void> {
  const source = await open(image.path, 'r');
  const { imageSize } = image.map;
  const whole = {
    ...image.map,
    ranges: [{ first: 0, last: Math.ceil(imageSize / image.map.blockSize) - 1, sha256: '' }],
  };
  try {
    await eachChunk(source, chunksOf(whole), work.signal, async (chunk, bytes) => {
      const { at, length } = chunk;
      patchChunk(chunk, bytes, image.patches);
      await new Promise<void>((resolve, reject) => {
        // A copy: who reads may take its time, and the next chunk comes into the same memory.
        output.write(Buffer.from(bytes.subarray(0, length)), (error) => (error ? reject(error) : resolve()));
      });
      work.onProgress(at + length, imageSize);
    });
  } finally {
    await source.close();
  }
}

async function openToWrite(target: Target, size: number): Promise<FileHandle> {
  if (target.kind === 'disk') {
    const flags = constants.O_RDWR | constants.O_EXCL | constants.O_DIRECT;
    return open(target.path, flags).catch((error: NodeJS.ErrnoException) => {
      throw openFailure(error, target.path);
    });
  }
  try {
    const file = await open(target.path, 'w');
    await file.truncate(size);
    return file;
  } catch (error) {
    throw openFailure(error as NodeJS.ErrnoException, target.path);
  }
}

async function openToRead({ kind, path }: Target, blockSize: number): Promise<{ file: FileHandle; from: ReadBack }> {
  const cached = async () => ({ file: await open(path, 'r'), from: 'cached' as const });
  if (kind === 'file' && blockSize % FILE_BLOCK !== 0) return cached();
  try {
    return { file: await open(path, constants.O_RDONLY | constants.O_DIRECT), from: 'direct' };
  } catch (error) {
    // Some filesystems read only through the page cache.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw openFailure(error as NodeJS.ErrnoException, path);
    return cached();
  }
}

/** The chunk with the partition table apart from the others, where that matters. */
function inOrder(chunks: readonly Chunk[], { kind }: Target): { first: Chunk[]; others: readonly Chunk[] } {
  const [first, ...others] = chunks;
  return kind === 'disk' && first?.at === 0 ? { first: [first], others } : { first: [], others: chunks };
}

/** Removes the old partition table (both kinds stand in the first 4 KiB): until all is written, this is no card to boot. */
async function blankTable(file: FileHandle, first: readonly Chunk[]): Promise<void> {
  if (first.length === 0) return;
  await writeFully(file, pageBuffers()[0], 0, TABLE);
  await file.sync();
}

const TABLE = 4096;
/** What direct reading of a file is aligned to, wherever it is. */
const FILE_BLOCK = 4096;

async function writeFully(file: FileHandle, bytes: Buffer, at: number, length: number): Promise<void> {
  for (let done = 0; done < length; ) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(CHUNK, length - done), at + done);
    if (bytesWritten === 0) throw new EndedEarly(at + done);
    done += bytesWritten;
  }
}

/** Which bytes of a range are wrong: compares it with the image. */
async function mismatch(
  image: CardImage,
  target: Target,
  file: FileHandle,
  chunks: readonly Chunk[],
  [start, end]: [number, number],
  step: number,
): Promise<Failure> {
  let [first, last, count] = [-1, -1, 0];
  const source = await open(image.path, 'r');
  try {
    const wanted = Buffer.alloc(CHUNK);
    const never = new AbortController().signal;
    const compare = async (chunk: Chunk, found: Buffer): Promise<void> => {
      const { at, length } = chunk;
      await source.read(wanted, 0, length, at);
      patchChunk(chunk, wanted, image.patches);
      if (wanted.subarray(0, length).equals(found.subarray(0, length))) return;
      for (let index = 0; index < length; index++) {
        if (wanted[index] === found[index]) continue;
        if (first < 0) first = at + index;
        last = at + index;
        count++;
      }
    };
    await eachChunk(file, chunks, never, compare, step);
  } finally {
    await source.close();
  }
  const where =
    first < 0
      ? `bytes ${start} to ${end - 1} were read differently once, and as they should be the next time`
      : `${count} of the bytes ${first} to ${last} are not what was written`;
  return fail(
    'flash/not-verified',
    `${target.path} does not hold the image: ${where}`,
    target.kind === 'disk' ? `${unusable(target)} if it happens again, the card or the reader is worn out` : undefined,
  );
}

function openFailure(error: NodeJS.ErrnoException, path: string): Failure {
  if (error.code === 'EBUSY') {
    const hint = 'something that is not seen from here has it: another container, or a program that checks it just now';
    return fail('flash/in-use', `${path} is in use`, hint);
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') return fail('flash/no-access', `you may not write to ${path}`);
  return fail('flash/cannot-open', `${path} cannot be opened: ${reasonOf(error)}`);
}

interface Reached {
  readonly done: number;
  readonly total: number;
  readonly at: number;
}

/** What went wrong while writing, as a `Failure`; what is no such thing stays as it is. */
async function writeFailure(error: unknown, target: Target, { done, total, at }: Reached): Promise<unknown> {
  const { code } = error as NodeJS.ErrnoException;
  const reached = `after ${done} of ${total} bytes`;
  if (await isGone(target, error)) return gone(target, reached);
  if (error instanceof EndedEarly || code === 'ENOSPC') {
    if (target.kind === 'file') return fail('flash/full', `the disk of ${target.path} is full ${reached}`);
    const message = `${target.path} ended ${reached}, before the end of its ${target.disk.size} bytes`;
    return fail('flash/short', message, `${unusable(target)} it has less room than it says`);
  }
  if (code === undefined || !IO_ERRORS.has(code)) return error;
  return fail(
    'flash/write-error',
    `writing to ${target.path} failed ${reached}: ${reasonOf(error as NodeJS.ErrnoException)} near byte ${at}`,
    target.kind === 'disk' ? `${unusable(target)} try another card or another reader` : undefined,
  );
}

async function readFailure(error: unknown, target: Target): Promise<unknown> {
  const { code } = error as NodeJS.ErrnoException;
  if (await isGone(target, error)) return gone(target, 'while it was read back');
  if (error instanceof EndedEarly) {
    return fail('flash/short', `${target.path} could be read only up to byte ${error.at}`, unusable(target));
  }
  if (code === undefined || !IO_ERRORS.has(code)) return error;
  const message = `${target.path} could not be read back: ${reasonOf(error as NodeJS.ErrnoException)}`;
  return fail('flash/read-error', message, unusable(target));
}

const IO_ERRORS: ReadonlySet<string> = new Set([
  'EIO',
  'ENODEV',
  'ENXIO',
  'ENOMEDIUM',
  'EROFS',
  'EPERM',
  'EREMOTEIO',
  'ETIMEDOUT',
  'EDQUOT',
  'EINVAL',
  'EFBIG',
]);

/** Drivers fail in many ways when a card or its reader is pulled out; what the kernel still knows of the disk tells. */
async function isGone(target: Target, error: unknown): Promise<boolean> {
  const { code } = error as NodeJS.ErrnoException;
  if (target.kind === 'file' || (code === undefined && !(error instanceof EndedEarly))) return false;
  return ['ENODEV', 'ENXIO', 'ENOMEDIUM'].includes(code ?? '') || !(await isThere(target.disk));
}

function gone(target: Target, when: string): Failure {
  return fail(
    'flash/device-gone',
    `${target.path} went away ${when}`,
    `${unusable(target)} put it in again, and repeat`,
  );
}

function unusable({ kind }: Target): string {
  return kind === 'disk' ? 'the card is not usable as it is;' : 'the file is not usable as it is;';
}
