import { expect, test } from 'vitest';
import { describeLine, lineChanges } from '../../../src/inside/line-changes.ts';

function said(before: readonly string[], now: readonly string[]): string[] {
  return lineChanges(before.join('\n'), now.join('\n')).map((change) => `${change.line}: ${describeLine(change)}`);
}

test('a line that stands in the place of another is one change, with its number as it is now', () => {
  expect(said(['a', 'b', 'c'], ['a', 'B', 'c'])).toEqual(['2: b -> B']);
});

test('lines that came or went leave the others alone', () => {
  expect(said(['a', 'b', 'c', 'd'], ['new', 'a', 'c', 'd', 'e'])).toEqual([
    '1: new is new',
    '3: b is gone',
    '5: e is new',
  ]);
});

test('equal texts have no changes, and long lines are cut', () => {
  expect(said(['a'], ['a'])).toEqual([]);
  expect(said(['x'.repeat(200)], [''])).toEqual([`1: ${'x'.repeat(77)}... -> (an empty line)`]);
});

test('texts of thousands of lines are compared in one piece', () => {
  const many = Array.from({ length: 5000 }, (_, n) => `line ${n}`);
  expect(said(many, [...many.slice(0, 100), 'other', ...many.slice(101)])).toEqual(['101: line 100 -> other']);
});
