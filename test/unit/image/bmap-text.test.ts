import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/diagnostic.ts';
import { formatBmap, parseBmap } from '../../../src/image/bmap.ts';

const sha256 = 'ab'.repeat(32);
const ranges = [
  { first: 0, last: 4, sha256 },
  { first: 7, last: 7, sha256 },
  { first: 9, last: 10, sha256 },
];

function complaint(text: string): string | undefined {
  try {
    parseBmap(text, 'card.bmap');
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

describe('the text of a block map', () => {
  test('is read back as what was written', () => {
    expect(parseBmap(formatBmap(43_008, ranges), 'card.bmap')).toEqual({ imageSize: 43_008, blockSize: 4096, ranges });
    expect(parseBmap(formatBmap(4096, []), 'card.bmap').ranges).toEqual([]);
  });

  test('is damaged when any of it was changed', () => {
    const text = formatBmap(43_008, ranges);
    expect(complaint(text.replace('7 </Range>', '8 </Range>'))).toMatch(/card.bmap is damaged: it was changed/);
    expect(complaint(text.slice(0, 300))).toMatch(/damaged/);
    expect(complaint('')).toMatch(/it is no block map/);
  });

  test('is refused when its ranges overlap or lie beyond the image', () => {
    expect(complaint(formatBmap(43_008, [...ranges, { first: 10, last: 10, sha256 }]))).toMatch(/range 10-10/);
    expect(complaint(formatBmap(43_008, [{ first: 10, last: 11, sha256 }]))).toMatch(/range 10-11/);
  });

  test('is refused when it is of a kind with other checksums', () => {
    expect(complaint('<bmap version="1.3">')).toMatch(/of a kind that is not known/);
  });
});
