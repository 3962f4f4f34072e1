import { describe, expect, test } from 'vitest';
import type { Hat, HatChip } from '../../../src/hat/hat.ts';
import { chipScript, rows } from '../../../src/hat/script.ts';
import { hatFrom } from '../../helpers/hats.ts';
import { twinOf } from '../../helpers/twin.ts';

/** A dump of a certain chip makes the model that very one: with its trimming constants, and what it measured last. */

const trims = {
  bmp280: '{T1: 28200, T2: 26000, T3: 50, P1: 38000, P2: -10800, P4: 4000, P7: 9900, P8: -10230}',
  bme280: '{T1: 28500, T3: -50, H1: 70, H2: 350, H3: 1, H4: 330, H5: -40, H6: -3}',
};

function chipOf(hat: Hat): HatChip {
  const [chip] = hat.chips;
  if (chip === undefined) throw new Error('no chip');
  return chip;
}

/** All registers after a measurement, as i2cdump prints them. */
function dumpOf({ image, model, values, settings }: HatChip, control: number): string {
  if (image === undefined || model?.twin === undefined) throw new Error('no twin');
  const twin = twinOf(chipScript(image, model.twin.variables(values, settings)));
  twin.write(0xf2, 1);
  twin.write(0xf4, control);
  twin.wait(5);
  const registers = twin.readAt(0, 256).map((value, register): [number, number] => [register, value]);
  return `${rows(new Map(registers), 2).join('\n')}\n`;
}

describe.each(['bmp280', 'bme280'] as const)('%s', (model) => {
  const values = 'temperature: -7.3, pressure: 942.1';
  const made = () =>
    chipOf(
      hatFrom(`chips: {air: {address: 0x77, model: ${model}, calibration: ${trims[model]}, values: {${values}}}}`),
    );
  const replayed = (control: number, more = '') =>
    chipOf(
      hatFrom(`chips: {air: {address: 0x77, model: ${model}, dump: field.dump${more}}}`, {
        'field.dump': dumpOf(made(), control),
      }),
    );

  test('has the constants, and measures the same to the last digit of its code', () => {
    const real = made();
    const chip = replayed(0x25);
    expect(chip.settings.calibration).toEqual(real.settings.calibration);
    for (const [name, value] of Object.entries(real.values)) expect(chip.values[name]).toBeCloseTo(value, 1);
    expect(chip.model?.twin?.variables(chip.values, chip.settings)).toEqual(
      real.model?.twin?.variables(real.values, real.settings),
    );
  });

  test('what was not measured is as usual, and what the recipe says counts', () => {
    expect(replayed(0x20).values).toMatchObject({ temperature: 21, pressure: 1013.25 });
    const chip = replayed(0x25, ', calibration: {T1: 27000}, values: {temperature: 40}');
    expect(chip.settings.calibration).toMatchObject({ T1: 27000, P1: made().settings.calibration.P1 });
    expect(chip.values.temperature).toBe(40);
  });

  test('a dump without constants says nothing of them', () => {
    const empty = chipOf(
      hatFrom(`chips: {air: {address: 0x77, model: ${model}, dump: a.dump}}`, {
        'a.dump': `80: ${'ff '.repeat(16)}\n90: ${'ff '.repeat(16)}\n`,
      }),
    );
    expect(empty.settings.calibration.T1).toBe(27504);
  });
});
