import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bmapOf } from '../../../src/image/bmap.ts';
import { bufferSource } from '../../../src/image/tar-reader.ts';

const BLOCK = 4096;
const pause = async () => {};

/** An image of so many blocks with a partition table and these blocks filled. */
function imageOf(
  blocks: number,
  partitions: readonly [first: number, count: number][],
  filled: readonly number[],
): Buffer {
  const image = Buffer.alloc(blocks * BLOCK);
  partitions.forEach(([first, count], index) => {
    const at = 446 + 16 * index;
    image[at + 4] = 0x0c;
    image.writeUInt32LE(first * 8, at + 8);
    image.writeUInt32LE(count * 8, at + 12);
  });
  image.writeUInt16BE(0x55aa, 510);
  for (const block of filled) image.fill(block + 1, block * BLOCK, (block + 1) * BLOCK);
  return image;
}

function rangesOf(bmap: string): string[] {
  return [...bmap.matchAll(/<Range chksum="[0-9a-f]{64}"> (\S+) <\/Range>/g)].map(([, range]) => range as string);
}

describe('a block map', () => {
  test('has all before the first partition, and each partition up to its last byte that is not zero', async () => {
    const image = imageOf(
      100,
      [
        [10, 20],
        [40, 30],
      ],
      [12, 15, 40],
    );
    expect(rangesOf(await bmapOf(bufferSource(image), pause))).toEqual(['0-15', '40']);
  });

  test('has what is outside of partitions where it is not zero', async () => {
    const image = imageOf(100, [[10, 20]], [10, 50, 51, 99]);
    expect(rangesOf(await bmapOf(bufferSource(image), pause))).toEqual(['0-10', '50-51', '99']);
  });

  test('leaves out a partition that is empty', async () => {
    expect(rangesOf(await bmapOf(bufferSource(imageOf(20, [[10, 5]], [])), pause))).toEqual(['0-9']);
  });

  test('of an image without partitions has everything', async () => {
    expect(rangesOf(await bmapOf(bufferSource(Buffer.alloc(3 * BLOCK)), pause))).toEqual(['0-2']);
  });

  test('has the checksum of each range, and of itself', async () => {
    const image = imageOf(30, [[10, 20]], [10, 11]);
    const bmap = await bmapOf(bufferSource(image), pause);
    const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
    expect(bmap).toContain(`<Range chksum="${sha256(image.subarray(0, 12 * BLOCK))}"> 0-11 </Range>`);
    const [, own = ''] = /<BmapFileChecksum> (\S+) </.exec(bmap) ?? [];
    expect(sha256(bmap.replace(own, '0'.repeat(64)))).toBe(own);
    expect(bmap).toContain(`<ImageSize> ${30 * BLOCK} </ImageSize>`);
    expect(bmap).toContain('<MappedBlocksCount> 12 </MappedBlocksCount>');
  });

  test('reaches the end of an image that is no whole number of blocks', async () => {
    const image = Buffer.concat([imageOf(3, [], []), Buffer.from('tail')]);
    const bmap = await bmapOf(bufferSource(image), pause);
    expect(rangesOf(bmap)).toEqual(['0-3']);
    expect(bmap).toContain(createHash('sha256').update(image).digest('hex'));
  });
});
