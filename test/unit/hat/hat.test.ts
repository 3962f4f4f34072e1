import { expect, test } from 'vitest';
import { changeValue } from '../../../src/hat/change.ts';
import type { Hat } from '../../../src/hat/hat.ts';
import { qemuArguments, qmpChange } from '../../../src/hat/qemu.ts';
import type { HatRecipe } from '../../../src/hat/schema.ts';
import { twinChange, twinFile, twinName } from '../../../src/hat/twin.ts';
import { hatKind, hatOf } from '../../../src/kinds/hat.ts';
import type { PlanContext } from '../../../src/kinds/kind.ts';
import { loadProject } from '../../../src/recipe/load.ts';
import type { Package } from '../../../src/recipe/model.ts';
import { hatFrom, hatPackage } from '../../helpers/hats.ts';
import { twinOf } from '../../helpers/twin.ts';

const weather = `
chips:
  bmp280: { address: 0x77, model: bmp280, values: { temperature: 20 °C, pressure: 1000 hPa } }
  thermometer: { address: 0x48, model: tmp105, engine: qemu }
`;

test('a changed value becomes lines for the twin that a program reads it from', () => {
  const { hat, chip } = changed([hatFrom(weather)], 'hat.bmp280.temperature=31.5 °C');
  expect(hat.chips[0]?.values).toEqual({ temperature: 31.5, pressure: 1000 });
  expect(twinName(hat.name, chip)).toBe('hat.bmp280');
  const twin = twinOf(scriptOf(hat, 'hat.bmp280'));
  twin.script(twinChange(chip));
  twin.write(0xf4, 0xb7);
  const before = twin.readAt(0xfa, 3);
  twin.script(twinChange(changed([hat], 'hat.bmp280.temperature=10').chip));
  expect(twin.readAt(0xfa, 3)).not.toEqual(before);
});

test('a changed value becomes a command for QEMU, in its units', () => {
  const { hat, chip } = changed([hatFrom(weather)], 'hat.thermometer.temperature=-10.25');
  expect(qemuArguments(hat)).toEqual(['-device', 'tmp105,id=hat.hat.thermometer,bus=i2c-bus.1,address=0x48']);
  expect(qmpChange(hat.name, chip)).toEqual([
    {
      execute: 'qom-set',
      arguments: { path: '/machine/peripheral/hat.hat.thermometer', property: 'temperature', value: -10250 },
    },
  ]);
  expect(twinChange(chip)).toEqual([]);
});

test.each([
  ['hat.bmp280.temperature=200', 'hat/value-range', 'it measures -40 °C to 85 °C'],
  ['hat.bmp280.temperature=warm', 'hat/bad-value', 'units: °C, degC, C, K, °F, degF, F'],
  ['hat.bmp280.temprature=20', 'hat/unknown-quantity', "did you mean 'temperature'?"],
  ['hat.bmp28.temperature=20', 'hat/unknown-chip', "did you mean 'bmp280'?"],
  ['het.bmp280.temperature=20', 'hat/unknown-hat', "did you mean 'hat'?"],
  ['hat.bmp280=20', 'hat/bad-setting', 'like hat.bmp280.temperature=20'],
  ['hat.bmp280.temperature', 'hat/bad-setting', 'like hat.bmp280.temperature=20'],
])('%s is refused', (setting, code, hint) => {
  const result = changeValue([hatFrom(weather)], setting);
  expect(result.ok ? [] : result.diagnostics).toMatchObject([{ code, hint }]);
});

test('the package becomes a layer with what the module is told', () => {
  const { tasks, provides } = hatKind.plan(hatPackage(`${weather}`), {} as PlanContext);
  expect(provides.layer).toEqual({ from: 'task', task: 'hat:layer', artifact: 'layer' });
  expect(tasks).toMatchObject([
    {
      id: 'hat:layer',
      kind: 'layer',
      params: { entries: [{ path: 'usr/share/pibuild/hats/hat.twin', mode: '0644', uid: 0, gid: 0 }] },
    },
  ]);
});

test('the Enviro pHAT has its four chips and its LEDs', () => {
  const installation = process.cwd();
  const project = loadProject({ folder: installation, installation, kinds: new Map([['hat', hatKind]]) });
  const hat = hatOf(project.package('enviro-phat') as Package<HatRecipe>);
  expect(hat.chips.map(({ name, bus, address }) => [name, bus, address])).toEqual([
    ['bmp280', 1, 0x77],
    ['lsm303d', 1, 0x1d],
    ['tcs3472', 1, 0x29],
    ['ads1015', 1, 0x49],
  ]);
  expect(hat.gpio).toEqual([{ name: 'leds', line: 4, direction: 'out', initial: 0 }]);
  const bmp280 = twinOf(scriptOf(hat, 'enviro-phat.bmp280'));
  expect(bmp280.readAt(0x88, 4)).toEqual([0x70, 0x6b, 0x43, 0x67]);
  expect(twinOf(scriptOf(hat, 'enviro-phat.lsm303d')).readAt(0x0f, 1)).toEqual([0x49]);
});

function changed(hats: readonly Hat[], setting: string) {
  const result = changeValue(hats, setting);
  if (!result.ok) throw new Error(result.diagnostics[0]?.message);
  return result.value;
}

/** The lines of one chip in the file that `i2c-twin load` reads. */
function scriptOf(hat: Hat, chip: string): string[] {
  const lines = twinFile(hat)?.trimEnd().split('\n') ?? [];
  const start = lines.findIndex((line) => line.startsWith(`chip ${chip} `)) + 1;
  const end = lines.findIndex((line, index) => index >= start && /^(chip|bus) /.test(line));
  return lines.slice(start, end === -1 ? undefined : end);
}
