import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { runCheck } from '../../../src/device/checks.ts';
import { openConsole } from '../../../src/device/console.ts';
import { refused } from '../../../src/device/live-hats.ts';
import { openShell, type Shell } from '../../../src/device/shell.ts';
import { testBoard } from '../../../src/device/test-board.ts';
import type { Check } from '../../../src/recipe/model.ts';
import { consoleOn, playedGuest, shellGuest } from '../../helpers/console.ts';
import { recordedHats } from '../../helpers/live-hats.ts';

const folder = mkdtempSync(join(tmpdir(), 'pibuild-checks-'));
const ends: (() => void)[] = [];
const signal = new AbortController().signal;
const pace = { scale: 1 };

afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = { file: 'board.yaml', line: 1, column: 1 };
const check = (recipe: Partial<Check>): Check => ({
  name: 'it works',
  owner: 'rpi3',
  timeout: 10_000,
  retry: 0,
  at,
  ...recipe,
});

/** Runs a check on a board whose shell is this machine's. */
async function judge(recipe: Partial<Check>) {
  const guest = shellGuest();
  ends.push(guest.end);
  const console = consoleOn(guest.stream);
  const shell = await openShell(console);
  const { result, lost } = await runCheck(check(recipe), { console, shell, pace, signal });
  const { check: _, took: __, ...verdict } = result;
  return { ...verdict, lost };
}

describe('a check', () => {
  test.each<[Partial<Check>, object]>([
    [{ run: 'echo yes' }, { outcome: 'passed', output: 'yes\n' }],
    [
      { run: 'exit 3', exit: 3 },
      { outcome: 'passed', output: '' },
    ],
    [{ run: 'echo v1.37', matches: '^v1\\.\\d+$' }, { outcome: 'passed' }],
    [{ run: 'echo a; echo b', matches: '^b$' }, { outcome: 'passed' }],
    [{ run: 'false' }, { outcome: 'failed', message: 'it ended with exit code 1, not 0' }],
    [
      { run: 'true', exit: 1 },
      { outcome: 'failed', message: 'it ended with exit code 0, not 1' },
    ],
    [
      { run: 'echo v1', matches: '^v2' },
      { outcome: 'failed', message: 'its output does not match /^v2/', output: 'v1\n' },
    ],
  ])('%j', async (recipe, verdict) => {
    expect(await judge(recipe)).toMatchObject({ ...verdict, lost: false });
  });

  test('is tried again until it passes', async () => {
    const file = join(folder, 'tries');
    const run = `echo x >> ${file}; test $(wc -l < ${file}) -ge 3`;
    expect(await judge({ run, retry: 10_000 })).toMatchObject({ outcome: 'passed' });
  });

  test('is given up when its time to be tried again is over', async () => {
    expect(await judge({ run: 'echo again; false', retry: 600 })).toMatchObject({
      outcome: 'failed',
      output: 'again\n',
    });
  });

  test('of the console looks at all that was printed', async () => {
    const guest = playedGuest();
    guest.say('[    0.000000] Linux version 6.12\r\nlogin: ');
    const console = consoleOn(guest.stream);
    await console.expect(/login/, { timeout: 1000, what: '' });
    const shell = { run: () => Promise.reject(new Error('no command')) };
    const board = { console, shell, pace, signal };
    expect((await runCheck(check({ expect: '^\\[.*Linux version' }), board)).result.outcome).toBe('passed');
    expect((await runCheck(check({ expect: 'Windows', timeout: 10 }), board)).result).toMatchObject({
      outcome: 'failed',
      message: 'the console never printed /Windows/',
    });
  });
});

describe('a check of how a program takes what the HATs measure', () => {
  const condition = <T>(value: T) => [{ value, at }];
  const shellOf = (seen: string[], told: () => string[]): Shell => ({
    run: async () => {
      seen.push(...told());
      return { output: 'it copes\n', exitCode: 0 };
    },
  });

  test('runs with its values and faults, and leaves all as it was', async () => {
    const { live, told } = recordedHats();
    const seen: string[] = [];
    const conditions = {
      set: condition('my/hat.case.temperature=85'),
      fault: condition(['my/hat.air', 'nack'] as const),
    };
    const board = { console: consoleOn(playedGuest().stream), shell: shellOf(seen, told), hats: live, pace, signal };
    const { result } = await runCheck(check({ run: 'program', matches: 'copes', ...conditions }), board);
    expect(result.outcome).toBe('passed');
    expect(seen).toEqual([
      'qmp qom-set /machine/peripheral/hat.my-hat.case temperature 85000',
      'twin set my+hat.air var 0 5376',
      'twin fault my+hat.air clear',
      'twin fault my+hat.air nack',
    ]);
    expect(told()).toEqual([
      'qmp qom-set /machine/peripheral/hat.my-hat.case temperature 21000',
      'twin set my+hat.air var 0 5376',
      'twin fault my+hat.air clear',
    ]);
  });

  test('fails when the board refuses them, and the next one runs', async () => {
    const { live, told, refuse } = recordedHats();
    refuse(refused('no such chip'));
    const board = { console: consoleOn(playedGuest().stream), shell: shellOf([], told), hats: live, pace, signal };
    const set = condition('my/hat.air.temperature=5');
    expect(await runCheck(check({ run: 'program', set }), board)).toMatchObject({
      result: { outcome: 'failed', message: 'the board refused: no such chip' },
      lost: false,
    });
  });
});

describe('testing a board', () => {
  test('that panics judges by what it printed, and runs nothing more', async () => {
    const guest = playedGuest();
    const results: [string, string, string | undefined][] = [];
    const tested = testBoard({
      console: consoleOn(guest.stream),
      pace: { scale: 1 },
      measure: true,
      owner: 'rpi3',
      checks: [
        check({ name: 'the kernel starts', expect: 'Linux version' }),
        check({ name: 'a service starts', expect: 'service started' }),
        check({ name: 'a command works', run: 'true' }),
      ],
      signal,
      onStart: () => {},
      onResult: ({ check, outcome, message }, console) => {
        results.push([check.name, outcome, message]);
        if (check.name.startsWith('boots')) expect(console.at(-1)).toContain('Kernel panic');
      },
    });
    guest.say('[    0.000000] Linux version 6.12\r\n[    2.000000] Kernel panic - not syncing: No init found\r\n');
    await tested;
    expect(results).toEqual([
      [
        'boots to a login prompt, and root gets in',
        'failed',
        'the kernel gave up: Kernel panic - not syncing: No init found',
      ],
      ['the kernel starts', 'passed', undefined],
      ['a service starts', 'failed', 'the kernel gave up: Kernel panic - not syncing: No init found'],
      ['a command works', 'skipped', 'no command can be run on the board'],
    ]);
  });

  test('whose console is silent says where to look', async () => {
    const results: string[] = [];
    const pace = { scale: 0.0005 };
    await testBoard({
      console: openConsole(playedGuest().stream, { pace, signal }),
      pace,
      measure: false,
      owner: 'rpi3',
      checks: [],
      signal,
      onStart: () => {},
      onResult: ({ message, hint }) => results.push(message ?? '', hint ?? ''),
    });
    expect(results[1]).toContain('`emulator.console`');
  });
});
