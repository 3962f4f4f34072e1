import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import { parseConfig } from '../../src/kconfig/config.ts';
import { boardBench } from '../helpers/board.ts';
import { checkout } from '../helpers/tools.ts';

/** The real kernel source, configured in the sandbox: seconds, since nothing is compiled. */

const shipped = readdirSync(join(checkout, 'packages/linux'))
  .filter((file) => file.endsWith('.config') && file !== 'bluetooth-serdev.config')
  .sort();

function boardWith(fragments: readonly string[], own = '') {
  const recipe = `board: small\nkernel: { package: linux, fragments: [${[...fragments, './own.config'].join(', ')}] }\n`;
  return boardBench({ 'boards/small/board.yaml': recipe, 'boards/small/own.config': own }, 'small');
}

async function configOf(bench: ReturnType<typeof boardBench>) {
  return parseConfig(readFileSync(await bench.path('linux:check', 'config'), 'utf8'));
}

test('every symbol of the fragments that come with the kernel is set, in any order of the fragments', async () => {
  const config = await configOf(boardWith(shipped));
  expect(config.get('ARCH_BCM2835')).toBe('y');
  const backwards = await configOf(boardWith(shipped.toReversed()));
  expect([...backwards].sort()).toEqual([...config].sort());
});

test('Bluetooth that starts by itself is a fragment behind the others', async () => {
  const config = await configOf(boardWith([...shipped, 'bluetooth-serdev.config']));
  expect(config.get('SERIAL_DEV_CTRL_TTYPORT')).toBe('y');
});

test("a board's own fragment goes over the kernel's, also where it takes another of a choice", async () => {
  const config = await configOf(
    boardWith(shipped, 'CONFIG_HZ_1000=y\nCONFIG_USB_ACM=y\n# CONFIG_DEBUG_FS is not set\n'),
  );
  expect(['HZ_1000', 'HZ_100', 'USB_ACM', 'DEBUG_FS'].map((name) => config.get(name))).toEqual(['y', 'n', 'y', 'n']);
});

test('a comment in a fragment changes nothing that the kernel is built of', async () => {
  const [plain, commented] = [boardWith(shipped), boardWith(shipped, '# why\n')];
  const results = await Promise.all([plain, commented].map((bench) => bench.build('linux:check')));
  const [first, second] = results.map((result) => result.artifacts.get('linux:check' as never)?.config);
  expect(second).toEqual(first);
  expect(first).toBeDefined();
});

test('symbols that were dropped are each told at their line, with what is missing', async () => {
  const own = [
    '# nothing here is right',
    'CONFIG_SND_BCM2835_SOC_I2S=m',
    'CONFIG_BLK_DEV_LOP=y',
    'CONFIG_USB_STORAGE=y',
    'CONFIG_NR_CPUS=5000',
    '# CONFIG_CRC16 is not set',
    'CONFIG_KEYS=m',
    'CONFIG_BCM2835_TIMER=y',
  ].join('\n');
  const { ok, diagnostics } = await boardWith(shipped, own).build('linux:check');
  expect(ok).toBe(false);
  const told = diagnostics.map(formatDiagnostic).join('\n');
  // Where exactly Kconfig files define what differs from version to version.
  const lines = told.replace(/^(.*?)(own\.config:)/gm, '$2').replace(/^( *[\w./-]*Kconfig\S*?:)\d+:\d+:/gm, '$1');
  expect(
    lines
      .split('\n')
      .filter((line) => !/^ +\d* +\|/.test(line))
      .join('\n'),
  ).toMatchInlineSnapshot();
});
