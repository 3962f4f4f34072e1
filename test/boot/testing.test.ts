import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectProcesses, type Installed, install, markedBoard } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';

let pibuild: Installed;

beforeAll(async () => {
  pibuild = await install();
});
afterAll(() => pibuild.remove());

/** Starts a test of a board that is rpi3-minimal with more in its recipe. */
function start(recipe: string, ...options: readonly string[]) {
  const { mark, files } = markedBoard(recipe);
  const folder = folderOf(files);
  const report = join(folder, 'reports/junit.xml');
  const running = pibuild.start(['test', 'marked', '--junit', report, ...options], folder);
  return { running, mark, folder, report: () => readFileSync(report, 'utf8') };
}

async function tested(recipe: string, ...options: readonly string[]) {
  const { running, ...rest } = start(recipe, ...options);
  const code = await running.ended;
  await expectProcesses(rest.mark, false);
  return { code, said: running.output(), ...rest };
}

describe('pibuild test', () => {
  test('passes rpi3-minimal, and says so to people and to a CI server', async () => {
    const { code, said, report } = await tested('');
    expect(code, said).toBe(0);
    expect(said).toMatch(/✓ boots to a login prompt, and root gets in +\d/);
    expect(said).toMatch(/\d\d checks passed in .*\nserial log: .*test-serial\.log\n$/);
    expect(said).not.toContain('✗');
    expect(report()).toMatch(/<testsuite name="marked" tests="\d\d" failures="0" errors="0" skipped="0"/);
    expect(report()).toContain('<testcase name="SSH answers" classname="dropbear"');
    expect(report()).toContain('Linux version 6.12');
  });

  test('tells what fails, and goes on', async () => {
    const { code, said, report, folder } = await tested(
      `checks:
  - name: mine says no
    run: echo what it printed; echo "<1>what the kernel said" > /dev/kmsg; exit 3
  - name: mine hangs
    run: echo before; sleep 1000
    timeout: 2s
  - name: mine leaves something behind
    run: sleep 1000 & echo here
  - name: mine is deaf
    run: trap '' INT QUIT; sleep 1000
    timeout: 1s
  - name: mine prints on the console
    expect: never printed
    timeout: 1s
  - name: mine works after all that
    run: echo "[ok]"
    matches: ^\\[ok\\]$
`,
      ...['--filter', 'mine', '--time-scale', '1'],
    );
    expect(code, said).toBe(1);
    expect(said).toMatch(/✗ mine says no.*\n +it ended with exit code 3, not 0\n/);
    expect(said).toMatch(/output:\n +\| what it printed\n +console:\n.*\] what the kernel said\n/);
    expect(said).toMatch(/✗ mine hangs.*\n +it did not end within 2 s\n.*\n +output:\n +\| before\n/);
    expect(said).toMatch(/✓ mine leaves something behind/);
    expect(said).toMatch(/✗ mine is deaf.*\n +it did not end within 1 s\n/);
    expect(said).toMatch(/✗ mine prints on the console.*\n +the console never printed \/never printed\/\n/);
    expect(said).not.toContain('| pibuild-');
    expect(said).toMatch(/✓ mine works after all that/);
    expect(said).toContain('4 failed, 3 checks passed');
    expect(said).not.toContain('SSH answers');
    expect(report()).toMatch(/tests="7" failures="4" errors="0" skipped="0"/);
    const log = readFileSync(join(folder, 'output/marked/logs/test-serial.log'), 'utf8');
    expect(log).toMatch(/--- check: mine says no\r\n(?:.*\r\n)+.*what it printed/);
  });

  test('ends soon when the kernel gives up', async () => {
    const { code, said, report } = await tested('kernel: {cmdline: [init=/no/such/program]}\n');
    expect(code).toBe(1);
    expect(said).toMatch(
      /✗ boots to a login prompt.*\n +the kernel gave up: Kernel panic - not syncing: Requested init .* failed/,
    );
    expect(said).toMatch(/console:\n(?: +\|.*\n)+ +\| .*Kernel panic - not syncing/);
    expect(said).toContain('✓ the kernel starts');
    expect(said).toContain('(not run: no command can be run on the board)');
    expect(report()).toContain('<skipped message="no command can be run on the board"/>');
  });

  test('gives up a board that never gets to its login', async () => {
    const { code, said } = await tested('kernel: {cmdline: [root=/dev/mmcblk7p9]}\n', '--time-scale', '0.2');
    expect(code).toBe(1);
    expect(said).toMatch(/✗ boots to a login prompt.*\n +a login prompt did not come within 36 s\n +hint: on a slow/);
    expect(said).toContain('Waiting for root device');
  });

  test('says where to look when nothing comes on the console', async () => {
    const silent = `kernel: {cmdline: [init=/no/such/program, panic=0]}
without: {kernel: {cmdline: ["console=ttyAMA0,115200", "console=ttyS1,115200"]}}
`;
    const { code, said } = await tested(silent, '--time-scale', '0.2');
    expect(code).toBe(1);
    expect(said).toMatch(/a first word on the console did not come within 12 s\n +hint: .*`emulator.console`/);
  });

  test('tells when the image was written to meanwhile', async () => {
    const { running, folder } = start('', '--filter', 'kernel starts|SSH answers');
    await running.until('✓ the kernel starts');
    const image = join(folder, 'output/marked/marked.img');
    utimesSync(image, new Date(), new Date());
    expect(await running.ended).toBe(0);
    expect(running.output()).toContain(`${image} was written to meanwhile: the results may be wrong`);
  });

  test('tells what the guest does that no test expects', async () => {
    const checks = `checks:
  - name: mine switches it off
    run: poweroff; sleep 100
  - name: mine comes too late
    run: 'true'
`;
    const { code, said } = await tested(checks, '--filter', 'mine');
    expect(code).toBe(1);
    expect(said).toMatch(/✗ mine switches it off.*\n +the emulated board stopped: the guest switched it off\n/);
    expect(said).toContain('- mine comes too late (not run:');
  });
});

describe('a test that is stopped', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s leaves a report and no emulator', async (signal, expected) => {
    const { running, mark, report } = start('');
    await running.until('✓ the kernel starts');
    await expectProcesses(mark, true);
    running.child.kill(signal);
    expect(await running.ended).toBe(expected);
    await expectProcesses(mark, false);
    expect(report()).toContain('<skipped message="the test was stopped before"/>');
  });

  test('twice by Ctrl-C, or killed, leaves no emulator either', async () => {
    for (const signals of [['SIGINT', 'SIGINT'], ['SIGKILL']] as const) {
      const { running, mark } = start('');
      await expectProcesses(mark, true);
      for (const signal of signals) running.child.kill(signal);
      await running.ended;
      await expectProcesses(mark, false);
    }
  });
});
