import { expect, test } from 'vitest';
import {
  count,
  cut,
  formatBytes,
  formatDuration,
  formatElapsed,
  formatRate,
  pad,
  printable,
  table,
  textWidth,
} from '../../../src/report/format.ts';

test('durations get coarser as they get longer', () => {
  expect([0, 412, 41_230, 59_949].map(formatDuration)).toEqual(['0.0 s', '0.4 s', '41.2 s', '59.9 s']);
  expect([59_950, 192_000, 3_599_400].map(formatDuration)).toEqual(['1 min 0 s', '3 min 12 s', '59 min 59 s']);
  expect([3_599_600, 3_840_000].map(formatDuration)).toEqual(['1 h 00 min', '1 h 04 min']);
});

test('what still counts is shown in whole seconds', () => {
  expect([0, 12_400, 61_000].map(formatElapsed)).toEqual(['0 s', '12 s', '1 min 1 s']);
});

test('bytes are in powers of 1024, with a decimal only where it says something', () => {
  expect([0, 812, 999].map(formatBytes)).toEqual(['0 B', '812 B', '999 B']);
  expect([1000, 1434, 64_123_456].map(formatBytes)).toEqual(['1.0 KiB', '1.4 KiB', '61.2 MiB']);
  expect([147_906_904, 536_870_912, 2 ** 30, 3.5 * 2 ** 40].map(formatBytes)).toEqual([
    '141 MiB',
    '512 MiB',
    '1 GiB',
    '3.5 TiB',
  ]);
  expect(formatRate(3_565_158)).toBe('3.4 MiB/s');
});

test('a noun is in the plural unless there is one', () => {
  expect([0, 1, 2].map((number) => count(number, 'task'))).toEqual(['0 tasks', '1 task', '2 tasks']);
});

test('a table aligns all columns but the last, and leaves no blanks at the ends of lines', () => {
  expect(
    table([
      ['a', 'long one', 'x'],
      ['longer', 'b', ''],
    ]),
  ).toEqual(['a       long one  x', 'longer  b']);
});

test('a text is cut to columns, not to characters', () => {
  expect(cut('compile busybox', 15)).toBe('compile busybox');
  expect(cut('compile busybox', 10)).toBe('compile b…');
  expect(cut('日本語の名前', 7)).toBe('日本語…');
  expect([cut('ab', 1), cut('ab', 0), cut('ab', -3)]).toEqual(['…', '', '']);
});

test('escape sequences and combining marks take no columns', () => {
  expect(textWidth('\u001b[31mred\u001b[39m')).toBe(3);
  expect(textWidth('e\u0301')).toBe(1);
  expect(pad('\u001b[2mab\u001b[22m', 4)).toBe('\u001b[2mab\u001b[22m  ');
});

test('a line shows its last state and moves nothing', () => {
  expect(printable('\u001b[1;31mred\u001b[0m\tblack\r')).toBe('red  black');
  expect(printable(' 10%\r 99%\r100%')).toBe('100%');
  expect(printable('\u001b]0;a title\u0007text\u0008\u001b[2J\u001bM')).toBe('text');
});
