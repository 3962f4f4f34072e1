import { createHash } from 'node:crypto';
import type { ByteSource } from './tar-reader.ts';
import { IMAGE_BLOCK, usedBlocks } from './used-blocks.ts';

/** A range of blocks, both ends in it, with the sha256 of its bytes. */
export interface BmapRange {
  readonly first: number;
  readonly last: number;
  readonly sha256: string;
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

const CHUNK = 1024 * 1024;

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
