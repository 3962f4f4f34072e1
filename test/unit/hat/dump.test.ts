import { expect, test } from 'vitest';
import { captureScript, parseDump } from '../../../src/hat/dump.ts';

const BYTES = `     0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f    0123456789abcdef
00: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f    ...............
d0: 58 XX XX XX XX XX XX XX XX XX XX XX XX XX XX XX    Xaa bb cc dd ee
`;

test('what i2cdump printed in bytes is read, without what it could not read', () => {
  const parsed = parseDump(BYTES, 'dump', 0x77);
  expect(parsed.ok && parsed.value.valueBits).toBe(8);
  expect(parsed.ok && parsed.value.registers.size).toBe(17);
  expect(parsed.ok && parsed.value.registers.get(0x0f)).toBe(0x0f);
  expect(parsed.ok && parsed.value.registers.get(0xd0)).toBe(0x58);
});

test('what it printed in words is read', () => {
  const parsed = parseDump('     0,8  1,9  2,a  3,b  4,c  5,d  6,e  7,f\n00: 8019 XXXX 004b 0050\n', 'dump', 0x48);
  expect(parsed.ok && parsed.value.valueBits).toBe(16);
  expect(parsed.ok && [...parsed.value.registers]).toEqual([
    [0, 0x8019],
    [2, 0x004b],
    [3, 0x0050],
  ]);
});

test('of a capture of several chips, the one at the address is read', () => {
  const capture = `# bus 1\n# chip 0x1d\n${BYTES}# chip 0x77\n00: 99\n# chip 0x78\n00: 11\n`;
  const parsed = parseDump(capture, 'dump', 0x77);
  expect(parsed.ok && [...parsed.value.registers]).toEqual([[0, 0x99]]);
});

test.each([
  ['a chip that is not there', '# chip 0x1d\n00: 01\n', 'this file has no chip at 0x77', 1, 1],
  ['a line of something else', '00: 01\nError: Could not open file\n', 'this is no line of a dump', 2, 1],
  ['what is no hexadecimal', '00: 01 0g', "expected two or four hexadecimal digits or XX, got '0g'", 1, 8],
  ['a row too long', '00: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10', 'a row has at most 16 values', 1, 53],
  ['bytes and words', '00: 01 0203', 'bytes and words are mixed', 1, 8],
  ['a register twice', '00: 01 02\n01: 03', 'register 0x01 is there already', 2, 5],
  ['nothing', '     0  1  2  3\n', 'there is no register in this dump', 1, 1],
])('%s is told at its place', (_, text, message, line, column) => {
  const parsed = parseDump(text, 'dump', 0x77);
  expect(parsed.ok ? [] : parsed.diagnostics).toMatchObject([
    { code: 'hat/bad-dump', message, at: { file: 'dump', line, column } },
  ]);
});

test('a file that is no dump at all is told in ten lines at most', () => {
  const parsed = parseDump('word\n'.repeat(50), 'dump', 0x77);
  expect(parsed.ok ? 0 : parsed.diagnostics.length).toBe(10);
});

test('capturing only reads', () => {
  expect(captureScript(1)).toContain('i2cdetect -y -r 1');
  expect(captureScript(1)).not.toContain('i2cset');
  expect(captureScript(0, [0x48, 0x49])).toContain(
    'case $address in 48|49) size=w ;; *) size=b ;; esac\n  i2cdump -y 0 "0x$address" $size ',
  );
});
