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
  // On which line things stand differs from version to version.
  const lines = told
    .replace(/^(.*?)(own\.config:)/gm, '$2')
    .replace(/^( *[\w./-]*Kconfig\S*?:)\d+:\d+:/gm, '$1')
    .replace(/(storage\.config):\d+/, '$1');
  expect(
    lines
      .split('\n')
      .filter((line) => !/^ +\d* +\|/.test(line))
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "own.config:2:1: error: CONFIG_SND_BCM2835_SOC_I2S was asked for as m, but is n: it depends on SOUND && SND && SND_SOC [kernel/symbol-dropped]
      sound/Kconfig: note: SOUND is n, "Sound card support"
      sound/Kconfig: note: SND is n, "Advanced Linux Sound Architecture"
      sound/soc/Kconfig: note: SND_SOC is n, "ALSA for SoC audio support"
      hint: add CONFIG_SOUND=m, CONFIG_SND=m, CONFIG_SND_SOC=m
    own.config:3:1: error: there is no symbol CONFIG_BLK_DEV_LOP [kernel/unknown-symbol]
      hint: did you mean CONFIG_BLK_DEV_LOOP?
    own.config:4:1: error: CONFIG_USB_STORAGE was asked for as y, but is m: it depends on SCSI [kernel/symbol-dropped]
      drivers/scsi/Kconfig: note: SCSI is m, "SCSI device support"
      hint: change CONFIG_SCSI to y (packages/linux/storage.config) (or ask for CONFIG_USB_STORAGE=m)
    own.config:5:1: error: CONFIG_NR_CPUS was asked for as 5000, but is 4096: its range is 2 to 4096 [kernel/symbol-dropped]
      arch/arm64/Kconfig: note: defined here
    own.config:6:3: error: CONFIG_CRC16 was asked for as n, but is y: BT, SMSC_PHY, USB_NET_SMSC95XX, EXT4_FS select it [kernel/symbol-dropped]
      net/bluetooth/Kconfig: note: BT is m, and selects it
      drivers/net/phy/Kconfig: note: SMSC_PHY is y, and selects it
      drivers/net/usb/Kconfig: note: USB_NET_SMSC95XX is y, and selects it
      hint: write CONFIG_CRC16=y, or switch BT, SMSC_PHY, USB_NET_SMSC95XX, EXT4_FS off
    own.config:7:1: error: CONFIG_KEYS was asked for as m, but is y: it is a bool, and cannot be a module [kernel/symbol-dropped]
      hint: write CONFIG_KEYS=y
    own.config:8:1: error: CONFIG_BCM2835_TIMER was asked for as y, but is n: it depends on COMPILE_TEST [kernel/symbol-dropped]
      init/Kconfig: note: COMPILE_TEST is n, "Compile also drivers which will not load"
      hint: not meant for this board: remove the line"
  `);
});
