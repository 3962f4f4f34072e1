import { describe, expect, test } from 'vitest';
import type { CheckResult } from '../../../src/device/checks.ts';
import { checkLines, checkSummary } from '../../../src/report/check-lines.ts';
import { createStyle } from '../../../src/report/style.ts';

const plain = createStyle(false);

const passed: CheckResult = {
  check: { name: 'SSH answers', owner: 'dropbear', run: 'x' },
  outcome: 'passed',
  took: 812,
};
const failed: CheckResult = {
  check: { name: 'the root is mounted', owner: 'rpi3', run: "awk '$2' /proc/mounts\necho" },
  outcome: 'failed',
  took: 20_300,
  message: 'its output does not match /ext4/',
  output: 'squashfs ro\n\x1b[31mred\n',
};
const skipped: CheckResult = {
  check: { name: 'DHCP', owner: 'rpi3', run: 'x' },
  outcome: 'skipped',
  took: 0,
  message: 'no command can be run on the board',
};

const lines = (result: CheckResult, console: readonly string[] = []) => checkLines(result, console, plain).join('\n');

describe('a check as people read it', () => {
  test('that passed is one line with its time', () => {
    expect(lines(passed)).toMatchInlineSnapshot(`"  ✓ SSH answers                                         0.8 s"`);
  });

  test('that failed shows why, the command, what it printed, and what the kernel said', () => {
    expect(lines(failed, ['[   12.345678] ext4 error'])).toMatchInlineSnapshot(`
      "  ✗ the root is mounted                                 20.3 s
            its output does not match /ext4/
            command: awk '$2' /proc/mounts echo
            output:
              | squashfs ro
              | red
            console:
              | [   12.345678] ext4 error"
    `);
  });

  test('that failed with the board shows what to do', () => {
    const boot: CheckResult = {
      check: { name: 'boots', owner: 'rpi3' },
      outcome: 'failed',
      took: 180_000,
      message: 'a login prompt did not come within 180 s',
      hint: 'on a slow machine raise all time limits: --time-scale 2',
    };
    expect(lines(boot, ['VFS: Cannot open root device'])).toMatchInlineSnapshot(`
      "  ✗ boots                                               3 min 0 s
            a login prompt did not come within 180 s
            hint: on a slow machine raise all time limits: --time-scale 2
            console:
              | VFS: Cannot open root device"
    `);
  });

  test('that was not run says why', () => {
    expect(lines(skipped)).toMatchInlineSnapshot(`"  - DHCP (not run: no command can be run on the board)"`);
  });

  test('with much output shows the end of it', () => {
    const output = Array.from({ length: 100 }, (_, index) => `line ${index}\n`).join('');
    const shown = lines({ ...failed, output });
    expect(shown).not.toContain('line 79\n');
    expect(shown).toContain('| line 80\n');
    expect(shown).toContain('| line 99');
  });
});

test('the summary counts', () => {
  expect(checkSummary([passed, passed, failed, skipped], 43_300, plain)).toBe(
    '1 failed, 2 checks passed, 1 not run in 43.3 s',
  );
  expect(checkSummary([passed], 900, plain)).toBe('1 check passed in 0.9 s');
});
