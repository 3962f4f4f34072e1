import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  clean,
  cleaner,
  kernelMessages,
  kernelPanic,
  lastLines,
  withoutKernelMessages,
} from '../../../src/device/transcript.ts';
import { randomOf } from '../../helpers/random.ts';

const recorded = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../../fixtures/device', name));

describe('a console as text', () => {
  test('has no escape sequences, carriage returns or control characters', () => {
    const bytes = '\x1b[1;31mred\x1b[0m\r\n\x1b]0;title\x07one\x1b(B\x1b[6n\ttwo\x1bMthree\x00\x08\r\r\n';
    expect(cleaner()(Buffer.from(bytes))).toBe('red\none\ttwothree\n');
  });

  test('is the same however its bytes arrive', () => {
    const bytes = Buffer.concat([
      recorded('login.serial'),
      Buffer.from('äöü € 😀 \x1b[38;5;196mred\x1b[0m \x1b]0;title\x1b\\end\r\n\x1b[2Kx'),
    ]);
    const whole = cleaner()(bytes);
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomOf(seed);
      const clean = cleaner();
      let text = '';
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + random.below(seed);
        text += clean(bytes.subarray(at, at + size));
        at += size;
      }
      expect(text, `cut by seed ${seed}`).toBe(whole);
    }
  });

  test('does not wait for ever for the end of an escape sequence', () => {
    const clean = cleaner();
    clean(Buffer.from(`\x1b]${'x'.repeat(300)}`));
    expect(clean(Buffer.from('after\n'))).toContain('after\n');
  });
});

describe('kernel messages', () => {
  test('are taken out of the middle of lines, and of line ends', () => {
    const text = clean('aar\r\n[    5.467368] one\r\nch64\r[    5.471841][  T123] two\r\n\nmore\r\n');
    expect(withoutKernelMessages(text)).toBe('aar\nch64\nmore\n');
    expect(kernelMessages(text)).toEqual(['[    5.467368] one', '[    5.471841][  T123] two']);
  });

  test('leave what was recorded between them as it was', () => {
    const text = withoutKernelMessages(clean(recorded('login.serial').toString()));
    expect(text).toContain('aarch64\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\n');
  });
});

describe('a kernel panic', () => {
  test('is known by what the kernel says', () => {
    const text = clean(recorded('panic.serial').toString());
    expect(kernelPanic(text)).toBe('Kernel panic - not syncing: sysrq triggered crash');
  });

  test('is none when a program quotes one', () => {
    expect(kernelPanic('grep: Kernel panic - not syncing: x\n')).toBeUndefined();
    expect(kernelPanic('\x1e    1.000000] Kernel panic - not syncing: x\n')).toBeUndefined();
  });

  test('is none before its line is whole', () => {
    expect(kernelPanic('[    1.000000] Kernel panic - not syncing: Att')).toBeUndefined();
  });
});

test('the last lines of a text do not count empty ones at its end', () => {
  expect(lastLines('a\nb\nc\n\n\n', 2)).toEqual(['b', 'c']);
});
