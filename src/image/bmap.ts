import { createHash } from 'node:crypto';
import { type Failure, fail } from '../diagnostic.ts';
import type { ByteSource } from './tar-reader.ts';
import { IMAGE_BLOCK, usedBlocks } from './used-blocks.ts';

/** A range of blocks, both ends in it, with the sha256 of its bytes. */
export interface BmapRange {
  readonly first: number;
  readonly last: number;
  readonly sha256: string;
}

/** What a block map says. Ranges are in order, apart from each other, and within the image. */
export interface BlockMap {
  /** Bytes, as are the blocks. */
  readonly imageSize: number;
  readonly blockSize: number;
  readonly ranges: readonly BmapRange[];
}

/**
 * The block map of a card image (bmap 2.0, as bmap-tools define it): which blocks `bmaptool copy` and `pibuild flash`
 * must write, with their checksums. `pause` is awaited now and then, so that a large image does not hold up everything.
 */
export async function bmapOf(image: ByteSource, pause: () => Promise<void>): Promise<string> {
  const ranges: BmapRange[] = [];
  for (const [first, last] of rangesOf(await usedBlocks(image, pause)))
    ranges.push({ first, last, sha256: await hashRange(image, first, last, pause) });
  return formatBmap(image.size, ranges);
}

/** The text of a block map. Its own checksum is of the text with zeros in that place. */
export function formatBmap(size: number, ranges: readonly BmapRange[]): string {
  const blocks = Math.ceil(size / IMAGE_BLOCK);
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const lines = ranges.map(({ first, last, sha256 }) => {
    const range = first === last ? `${first}` : `${first}-${last}`;
    return `        <Range chksum="${sha256}"> ${range} </Range>\n`;
  });
  const text = (checksum: string) =>
    `<?xml version="1.0" ?>
<bmap version="2.0">
    <ImageSize> ${size} </ImageSize>
    <BlockSize> ${IMAGE_BLOCK} </BlockSize>
    <BlocksCount> ${blocks} </BlocksCount>
    <MappedBlocksCount> ${mapped} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> ${checksum} </BmapFileChecksum>
    <BlockMap>
${lines.join('')}    </BlockMap>
</bmap>
`;
  return text(
    createHash('sha256')
      .update(text('0'.repeat(64)))
      .digest('hex'),
  );
}

/**
 * Reads a block map (bmap 2.0 with sha256, ours or bmap-tools'). `file` is its name, for what is said when it is damaged:
 * its own checksum is checked first.
 */
export function parseBmap(text: string, file: string): BlockMap {
  const value = (name: string): string | undefined =>
    new RegExp(`<${name}(?: [^>]*)?>\\s*([^<]*?)\\s*</${name}>`).exec(text)?.[1];
  const number = (name: string): number => {
    const digits = value(name) ?? '';
    if (!/^[0-9]{1,15}$/.test(digits)) throw damaged(file, `it has no ${name}`);
    return Number(digits);
  };
  const version = /<bmap version="(\d+)\./.exec(text)?.[1];
  if (version === undefined) throw damaged(file, 'it is no block map');
  if (version !== '2' || value('ChecksumType') !== 'sha256') {
    throw fail(
      'image/bmap-version',
      `${file} is a block map of a kind that is not known here`,
      'bmap 2.0 with sha256 is',
    );
  }
  checkItself(text, value('BmapFileChecksum') ?? '', file);
  const [imageSize, blockSize] = [number('ImageSize'), number('BlockSize')];
  const ranges = [...text.matchAll(/<Range chksum="([0-9a-f]{64})">\s*(\d+)(?:\s*-\s*(\d+))?\s*<\/Range>/g)].map(
    ([, sha256 = '', first = '', last = first]) => ({ first: Number(first), last: Number(last), sha256 }),
  );
  if (blockSize === 0 || blockSize % 512 !== 0 || ranges.length !== text.split('<Range').length - 1)
    throw damaged(file, 'a range is none');
  let next = 0;
  for (const { first, last } of ranges) {
    if (first < next || last < first || last * blockSize >= imageSize) throw damaged(file, `range ${first}-${last}`);
    next = last + 1;
  }
  return { imageSize, blockSize, ranges };
}

const CHUNK = 1024 * 1024;

function checkItself(text: string, checksum: string, file: string): void {
  if (!/^[0-9a-f]{64}$/.test(checksum)) throw damaged(file, 'it has no checksum of its own');
  const hash = createHash('sha256').update(text.replace(checksum, '0'.repeat(64)));
  if (hash.digest('hex') !== checksum) throw damaged(file, 'it was changed since it was made');
}

function damaged(file: string, why: string): Failure {
  return fail('image/bmap-damaged', `the block map ${file} is damaged: ${why}`, 'make the image again');
}

/** Runs of ones, both ends in them. */
function rangesOf(used: Uint8Array): [number, number][] {
  const ranges: [number, number][] = [];
  for (let first = used.indexOf(1); first >= 0; ) {
    const end = used.indexOf(0, first);
    ranges.push([first, (end < 0 ? used.length : end) - 1]);
    first = end < 0 ? -1 : used.indexOf(1, end);
  }
  return ranges;
}

async function hashRange(image: ByteSource, first: number, last: number, pause: () => Promise<void>): Promise<string> {
  const hash = createHash('sha256');
  const end = Math.min((last + 1) * IMAGE_BLOCK, image.size);
  const chunk = Buffer.alloc(CHUNK);
  for (let at = first * IMAGE_BLOCK; at < end; at += CHUNK) {
    const part = chunk.subarray(0, Math.min(CHUNK, end - at));
    image.read(part, at);
    hash.update(part);
    await pause();
  }
  return hash.digest('hex');
}
