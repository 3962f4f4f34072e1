import { describe, expect, test } from 'vitest';
import { keyReader } from '../../../src/device/keys.ts';

/** What is read of keys that arrive in these pieces; `|` stands for Ctrl-A. */
function read(...pieces: readonly string[]): (string | object)[] {
  const reader = keyReader();
  return pieces.flatMap((piece) =>
    reader(Buffer.from(piece.replaceAll('|', '\x01'))).map((keys) =>
      keys.do === 'type' ? keys.bytes.toString().replaceAll('\x01', '|') : { do: keys.do },
    ),
  );
}

describe('keys', () => {
  test('go to the guest as they are', () => {
    expect(read('ls -l\r', '\x03\x04\x1b[A')).toEqual(['ls -l\r', '\x03\x04\x1b[A']);
  });

  test('after Ctrl-A are for us', () => {
    expect(read('|x', '|C', '|h', '|?', '|b')).toEqual(
      ['leave', 'monitor', 'help', 'help', 'break'].map((each) => ({ do: each })),
    );
  });

  test('around them are not lost', () => {
    expect(read('ab|ccd|x')).toEqual(['ab', { do: 'monitor' }, 'cd', { do: 'leave' }]);
  });

  test('may come one at a time', () => {
    expect(read('a', '|', 'x', 'b')).toEqual(['a', { do: 'leave' }, 'b']);
  });

  test('that mean nothing after Ctrl-A do nothing', () => {
    expect(read('a|qb', '|', 'q', 'c')).toEqual(['a', 'b', 'c']);
  });

  test('Ctrl-A twice types one', () => {
    expect(read('a||b')).toEqual(['a', '|b']);
    expect(read('|', '|', 'x')).toEqual(['|', 'x']);
  });
});
