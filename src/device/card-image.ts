import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { type Failure, fail } from '../diagnostic.ts';
import { type BlockMap, type BmapRange, parseBmap } from '../image/bmap.ts';

/** A card image with what of it must be written, checked against its checksums. */
export interface CardImage {
  /** Absolute. */
  readonly path: string;
  readonly map: BlockMap;
  /** Bytes that are mapped. */
  readonly mapped: number;
  /** What is on the card in place of what the file has; within mapped ranges. */
  readonly patches: readonly Patch[];
}

/** Bytes that take the place of others. */
export interface Patch {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Part of a mapped range, in bytes. None crosses a multiple of `CHUNK`. */
export interface Chunk {
  readonly at: number;
  readonly length: number;
}

/** What is read and written at once, on a multiple of it: cards erase in blocks of up to so many bytes. */
export const CHUNK = 4 * 1024 * 1024;

/** Called with bytes done of how many in all. */
export type OnProgress = (done: number, total: number) => void;

/**
 * Reads the block map beside an image, without one takes the whole image, and checks every mapped range: a damaged
 * image is told of before a card is touched. Throws a `Failure`.
 */
export async function openCardImage(path: string, signal: AbortSignal, onProgress: OnProgress): Promise<CardImage> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw fail('flash/no-image', `the image ${path} cannot be read: ${reasonOf(error)}`);
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw fail('flash/no-image', `${path} is no file`);
    if (stats.size === 0 || stats.size % 512 !== 0) {
      throw fail('flash/no-image', `${path} is no card image: ${stats.size} bytes are no whole sectors`);
    }
    const beside = await mapBeside(path);
    if (beside !== undefined && beside.imageSize !== stats.size) throw notOfThisMap(path, stats.size, beside.imageSize);
    const map = beside ?? wholeMap(stats.size);
    const ranges = await checkRanges(file, path, map, signal, onProgress);
    return { path, map: { ...map, ranges }, mapped: mappedBytes(map), patches: [] };
  } finally {
    await file.close();
  }
}

/** The chunks of these ranges, in order. */
export function chunksOf(map: BlockMap, ranges: readonly BmapRange[] = map.ranges): Chunk[] {
  const chunks: Chunk[] = [];
  for (const range of ranges) {
    const [start, end] = bytesOf(map, range);
    for (let at = start; at < end; ) {
      const length = Math.min(CHUNK - (at % CHUNK), end - at);
      chunks.push({ at, length });
      at += length;
    }
  }
  return chunks;
}

/** Where a range starts and ends, the end not in it. */
export function bytesOf({ blockSize, imageSize }: BlockMap, { first, last }: BmapRange): [start: number, end: number] {
  return [first * blockSize, Math.min((last + 1) * blockSize, imageSize)];
}

/**
 * Reads chunk after chunk, the next one while one is used. Memory of WebAssembly is the one kind in Node that is sure to
 * start on a page, which direct reading and writing want. `step` is how far lengths are rounded up for reading.
 */
export async function eachChunk(
  from: FileHandle,
  chunks: readonly Chunk[],
  signal: AbortSignal,
  use: (chunk: Chunk, bytes: Buffer) => Promise<void> | void,
  step = 1,
): Promise<void> {
  const buffers = pageBuffers();
  const read = async (index: number): Promise<Buffer | undefined> => {
    const chunk = chunks[index];
    const buffer = buffers[index % 2];
    if (chunk === undefined || buffer === undefined) return undefined;
    await readFully(from, buffer, chunk, step);
    return buffer;
  };
  let ahead = read(0);
  try {
    for (const [index, chunk] of chunks.entries()) {
      const bytes = await ahead;
      signal.throwIfAborted();
      ahead = read(index + 1);
      // It is waited for in the next round, or below.
      ahead.catch(() => {});
      if (bytes !== undefined) await use(chunk, bytes);
    }
  } finally {
    await ahead.catch(() => {});
  }
}

/** Puts into a chunk that was read what belongs there instead. */
export function patchChunk({ at, length }: Chunk, bytes: Uint8Array, patches: readonly Patch[]): void {
  for (const patch of patches) {
    const start = Math.max(at, patch.at);
    const end = Math.min(at + length, patch.at + patch.bytes.length);
    if (start < end) bytes.set(patch.bytes.subarray(start - patch.at, end - patch.at), start - at);
  }
}

/** Two buffers of `CHUNK` bytes that start on a page. */
export function pageBuffers(): [Buffer, Buffer] {
  const { buffer } = new WebAssembly.Memory({ initial: (2 * CHUNK) / WASM_PAGE });
  return [Buffer.from(buffer, 0, CHUNK), Buffer.from(buffer, CHUNK, CHUNK)];
}

/** What went wrong with a file, in words. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  const words: Record<string, string> = {
    ENOENT: 'there is none',
    EACCES: 'you may not',
    EPERM: 'you may not',
    EIO: 'input/output error',
    ENOSPC: 'no space left',
    EROFS: 'it is read-only',
    ENOMEDIUM: 'there is no card in it',
  };
  return words[error.code ?? ''] ?? error.code ?? error.message;
}

const WASM_PAGE = 64 * 1024;

/** Node has it; the types of ES modules alone do not. */
declare const WebAssembly: { Memory: new (size: { initial: number }) => { buffer: ArrayBuffer } };

async function mapBeside(image: string): Promise<BlockMap | undefined> {
  const path = `${image}.bmap`;
  try {
    return parseBmap(await readFile(path, 'utf8'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw fail(
      'image/bmap-damaged',
      `the block map ${path} cannot be read: ${reasonOf(error as NodeJS.ErrnoException)}`,
    );
  }
}

/** All of an image, in ranges of a chunk, whose checksums are not known yet. */
function wholeMap(imageSize: number): BlockMap {
  const blockSize = 512;
  const [blocks, step] = [imageSize / blockSize, CHUNK / blockSize];
  const ranges = Array.from({ length: Math.ceil(blocks / step) }, (_, index) => ({
    first: index * step,
    last: Math.min((index + 1) * step, blocks) - 1,
    sha256: '',
  }));
  return { imageSize, blockSize, ranges };
}

function mappedBytes(map: BlockMap): number {
  return chunksOf(map).reduce((sum, { length }) => sum + length, 0);
}

/** The ranges with their checksums; those that have one are compared with it. */
async function checkRanges(
  file: FileHandle,
  path: string,
  map: BlockMap,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<BmapRange[]> {
  const found = await hashRanges(file, map, signal, onProgress);
  return map.ranges.map((range, index) => {
    const sha256 = found[index] ?? '';
    if (range.sha256 === '' || range.sha256 === sha256) return { ...range, sha256 };
    const [start, end] = bytesOf(map, range);
    throw fail(
      'flash/image-damaged',
      `the image ${path} is damaged: bytes ${start} to ${end - 1} are not those that its block map is of`,
      'nothing was written; make the image again',
    );
  });
}

/** The sha256 of each range of a map, in what is open. */
export async function hashRanges(
  file: FileHandle,
  map: BlockMap,
  signal: AbortSignal,
  onProgress: OnProgress,
  { step = 1, patches = [] }: { step?: number; patches?: readonly Patch[] } = {},
): Promise<string[]> {
  const total = mappedBytes(map);
  const hashes: string[] = [];
  let hash = createHash('sha256');
  let done = 0;
  const ends = new Set(map.ranges.map((range) => bytesOf(map, range)[1]));
  await eachChunk(
    file,
    chunksOf(map),
    signal,
    (chunk, bytes) => {
      const { at, length } = chunk;
      patchChunk(chunk, bytes, patches);
      hash.update(bytes.subarray(0, length));
      done += length;
      onProgress(done, total);
      if (!ends.has(at + length)) return;
      hashes.push(hash.digest('hex'));
      hash = createHash('sha256');
    },
    step,
  );
  return hashes;
}

async function readFully(from: FileHandle, into: Buffer, { at, length }: Chunk, step: number): Promise<void> {
  const wanted = Math.ceil(length / step) * step;
  let done = 0;
  while (done < length) {
    const { bytesRead } = await from.read(into, done, wanted - done, at + done);
    if (bytesRead === 0) throw new EndedEarly(at + done);
    done += bytesRead;
  }
  into.fill(0, length, wanted);
}

/** What is read ended before the last mapped byte. */
export class EndedEarly extends Error {
  readonly at: number;

  constructor(at: number) {
    super(`it ended at byte ${at}`);
    this.at = at;
  }
}

function notOfThisMap(path: string, size: number, mapped: number): Failure {
  return fail(
    'flash/image-damaged',
    `the image ${path} has ${size} bytes, but its block map is of one of ${mapped}`,
    'nothing was written; make the image again',
  );
}
