import { expect, test } from 'vitest';
import { compareVersions } from '../../../src/archive/version.ts';

test.each([
  ['1.0', '<', '1.1'],
  ['1.9', '<', '1.10'],
  ['1.0', '=', '1.0'],
  ['1.0', '=', '1.00'],
  ['0:1.0', '=', '1.0'],
  ['2.0', '<', '1:1.0'],
  ['1.0~rc1', '<', '1.0'],
  ['1.0~rc1', '<', '1.0~rc2'],
  ['1.0~~', '<', '1.0~'],
  ['1.0', '<', '1.0a'],
  ['1.0a', '<', '1.0+b'],
  ['1.0-1', '<', '1.0-1+b1'],
  ['1.0-1', '<', '1.0-1+deb13u1'],
  ['1.0-1~deb13u1', '<', '1.0-1'],
  ['2.41-12+deb13u4', '<', '2.41-12+deb13u5'],
  ['1.2-3-1', '<', '1.2-3-2'],
  ['1.0-1', '=', '1.0-01'],
  ['20240905', '<', '20250410'],
] as const)('%s %s %s', (a, order, b) => {
  const expected = order === '<' ? -1 : 0;
  expect(Math.sign(compareVersions(a, b))).toBe(expected);
  expect(Math.sign(compareVersions(b, a))).toBe(expected === 0 ? 0 : 1);
});
