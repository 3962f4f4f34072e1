import { describe, expect, test } from 'vitest';
import type { ChipModel, ChipSettings, Values } from '../../../src/hat/model.ts';
import { chipModels } from '../../../src/hat/models/index.ts';
import { chipScript } from '../../../src/hat/script.ts';
import { seeded } from '../../helpers/random.ts';
import { type Twin, twinOf } from '../../helpers/twin.ts';

/**
 * Both ways: values become registers, a program reads them as the data sheet says, and has the values again. The formulas
 * below are the data sheets' own, in floating point where they have such, and share no code with the models.
 */

const ROUNDS = 100;

describe('bmp280', () => {
  test("the data sheet's worked example reads 25.08 degrees and 1006.53 hPa", () => {
    const twin = twinFor('bmp280', { temperature: 25.08, pressure: 1006.53 });
    expect(readBmp280(twin, 0xb7)).toEqual({ temperature: 25.08, pressure: 1006.53 });
  });

  test('the raw codes of the worked example read as it says', () => {
    const twin = twinFor('bmp280', {});
    twin.script(['var 0 415148', 'var 1 519888']);
    expect(readBmp280(twin, 0xb7)).toEqual({ temperature: 25.08, pressure: 1006.53 });
  });

  test('whatever the temperature and the pressure, a program has them again', () => {
    forRandomValues('bmp280', (twin, values) => {
      const read = readBmp280(twin, 0xb7);
      near(read.temperature, values.temperature ?? 0, 0.0065);
      // A step of the code is up to 0.3 Pa where the sensor is least sensitive.
      near(read.pressure, values.pressure ?? 0, 0.011);
    });
  });

  test('other trimming constants give the same values', () => {
    const other = { T1: 28200, T2: 26000, T3: 50, P1: 38000, P2: -10800, P3: 3024, P4: 4000, P7: 9900, P8: -10230 };
    forRandomValues(
      'bmp280',
      (twin, values) => {
        const read = readBmp280(twin, 0xb7);
        near(read.temperature, values.temperature ?? 0, 0.0065);
        near(read.pressure, values.pressure ?? 0, 0.011);
      },
      other,
    );
  });

  test('it sleeps until it is asked, and a forced measurement takes its time and ends', () => {
    const twin = twinFor('bmp280', { temperature: 25.08 });
    expect(twin.readAt(0xd0, 1)).toEqual([0x58]);
    expect(twin.readAt(0xfa, 3)).toEqual([0x80, 0, 0]);
    twin.write(0xf4, 0x25);
    expect(twin.readAt(0xf3, 2)).toEqual([0x08, 0x25]);
    expect(twin.readAt(0xfa, 3)).toEqual([0x80, 0, 0]);
    twin.wait(5);
    expect(twin.readAt(0xf3, 2)).toEqual([0x00, 0x24]);
    expect(twin.readAt(0xfa, 3)).not.toEqual([0x80, 0, 0]);
  });

  test('what is not sampled says so, and a reset forgets all', () => {
    const twin = twinFor('bmp280', {});
    twin.write(0xf4, 0x23);
    expect(twin.readAt(0xf7, 3)).toEqual([0x80, 0, 0]);
    expect(twin.readAt(0xfa, 3)).not.toEqual([0x80, 0, 0]);
    twin.write(0xe0, 0xb6);
    expect(twin.readAt(0xf4, 1)).toEqual([0]);
    expect(twin.readAt(0xfa, 3)).toEqual([0x80, 0, 0]);
  });

  test('a value changes while it measures', () => {
    const twin = twinFor('bmp280', { temperature: 10 });
    readBmp280(twin, 0xb7);
    twin.script(change('bmp280', { temperature: 31.5, pressure: 990 }));
    near(readBmp280(twin, 0xb7).temperature, 31.5, 0.0065);
    near(readBmp280(twin, 0xb7).pressure, 990, 0.0065);
  });
});

describe('bme280', () => {
  test('whatever temperature, pressure and humidity, a program has them again', () => {
    forRandomValues('bme280', (twin, values) => {
      twin.write(0xf2, 0x01);
      const read = readBmp280(twin, 0xb7);
      near(read.temperature, values.temperature ?? 0, 0.0065);
      near(read.pressure, values.pressure ?? 0, 0.011);
      near(readHumidity(twin), values.humidity ?? 0, 0.02);
    });
  });

  test('it says that it is one', () => {
    expect(twinFor('bme280', {}).readAt(0xd0, 1)).toEqual([0x60]);
  });
});

test('lsm303d: at every full scale that holds the values, a program has them again', () => {
  const scales = [0.061, 0.122, 0.183, 0.244, 0.732];
  forRandomValues('lsm303d', (twin, values, random) => {
    const range = Math.floor(random() * 5);
    twin.write(0x20, 0x57);
    twin.write(0x21, range << 3);
    twin.write(0x24, 0x98);
    twin.write(0x25, 0x60);
    twin.write(0x26, 0x00);
    expect(twin.readAt(0x0f, 1)).toEqual([0x49]);
    const steps = words(twin.readAt(0x28 | 0x80, 6));
    const limit = [2, 4, 6, 8, 16][range] ?? 0;
    for (const [index, axis] of ['X', 'Y', 'Z'].entries()) {
      const value = values[`acceleration${axis}`] ?? 0;
      if (Math.abs(value) > limit) continue;
      expect(Math.abs(((steps[index] ?? 0) * (scales[range] ?? 0)) / 1000 - value)).toBeLessThan(0.001);
      const field = words(twin.readAt(0x08 | 0x80, 6))[index] ?? 0;
      expect(Math.abs((field * 0.479) / 1000 - (values[`magnetic${axis}`] ?? 0))).toBeLessThan(0.0005);
    }
    const [temperature = 0] = words(twin.readAt(0x05 | 0x80, 2));
    expect(Math.abs(temperature / 8 + 25 - (values.temperature ?? 0))).toBeLessThan(0.126);
  });
});

test('lsm303d: powered down it measures nothing, and only with bit 7 the address moves on', () => {
  const twin = twinFor('lsm303d', { accelerationX: 1 });
  expect(twin.readAt(0xa8, 6)).toEqual([0, 0, 0, 0, 0, 0]);
  twin.write(0x20, 0x57);
  const [low, high] = twin.readAt(0xa8, 2);
  expect(twin.readAt(0x28, 2)).toEqual([low, low]);
  expect((high ?? 0) * 256 + (low ?? 0)).toBe(Math.trunc(1e6 / 61));
});

test('tcs3472: at every gain and integration time, DN40 gives the light again', () => {
  forRandomValues('tcs3472', (twin, values, random) => {
    const gain = Math.floor(random() * 4);
    const cycles = 16 + Math.floor(random() * 240);
    twin.write(0x80, 0x03);
    twin.write(0x81, 256 - cycles);
    twin.write(0x8f, gain);
    twin.wait(3);
    expect((twin.readAt(0x93, 1)[0] ?? 0) & 1).toBe(1);
    const [clear = 0, red = 0, green = 0, blue = 0] = words(twin.readAt(0xb4, 8), false);
    const full = Math.min(65535, 1024 * cycles);
    if (clear >= full || red < 100 || blue < 100) return;
    const perLux = (2.4 * cycles * ([1, 4, 16, 60][gain] ?? 1)) / 310;
    const lux = (0.136 * red + green - 0.444 * blue) / perLux;
    near(lux / (values.illuminance ?? 0), 1, 0.016);
    expect((3810 * blue) / red + 1391).toBeGreaterThan((values.colorTemperature ?? 0) * 0.96);
    expect((3810 * blue) / red + 1391).toBeLessThan((values.colorTemperature ?? 0) * 1.04);
    expect(Math.abs(clear - red - green - blue)).toBeLessThanOrEqual(3);
  });
});

test('tcs3472: too much light saturates it, and its identity is that of a TCS34725', () => {
  const twin = twinFor('tcs3472', { illuminance: 10_000 });
  twin.write(0x80, 0x03);
  twin.write(0x8f, 0x03);
  expect(words(twin.readAt(0xb4, 2), false)).toEqual([1024]);
  expect(twin.readAt(0x92, 1)).toEqual([0x44]);
});

test('ads1015: at every gain, single inputs and differences give the voltages again', () => {
  const scales = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256];
  forRandomValues('ads1015', (twin, values, random) => {
    const gain = Math.floor(random() * 6);
    const input = Math.floor(random() * 4);
    const scale = scales[gain] ?? 0;
    const single = convert(twin, 4 + input, gain) * scale;
    near(single, clamp(values[`a${input}`] ?? 0, scale), 0.0065);
    const difference = convert(twin, 0, gain) * scale;
    near(difference, clamp((values.a0 ?? 0) - (values.a1 ?? 0), scale), 0.0065);
  });
});

test('ads1015: the conversion is under way until it is done', () => {
  const twin = twinFor('ads1015', { a0: 1 });
  expect(twin.readAt(1, 2)).toEqual([0x85, 0x83]);
  twin.write(1, 0xc3, 0x83);
  expect(twin.readAt(1, 2)).toEqual([0x43, 0x83]);
  expect(twin.readAt(0, 2)).toEqual([0, 0]);
  twin.wait(1);
  expect(twin.readAt(1, 2)).toEqual([0xc3, 0x83]);
  expect(twin.readAt(0, 2)).toEqual([0x1f, 0x40]);
});

test.each(['lm75', 'tmp105'])('%s: a program has the temperature again, to half a degree', (name) => {
  forRandomValues(name, (twin, values) => {
    const [raw = 0] = words(twin.readAt(0, 2).reverse());
    near((raw >> 7) / 2, values.temperature ?? 0, 0.502);
    expect(raw & 0x7f).toBe(0);
  });
});

test('tmp105: with 12 bits, to a sixteenth', () => {
  forRandomValues('tmp105', (twin, values) => {
    twin.write(1, 0x60);
    const [raw = 0] = words(twin.readAt(0, 2).reverse());
    near(raw / 256, values.temperature ?? 0, 0.0645);
  });
});

test('ds3231: a program has the temperature again, to a quarter', () => {
  forRandomValues('ds3231', (twin, values) => {
    const [high = 0, low = 0] = twin.readAt(0x11, 2);
    expect(Math.abs(((high << 24) >> 24) + (low >> 6) / 4 - (values.temperature ?? 0))).toBeLessThanOrEqual(0.125);
  });
});

test('ltr559: at every gain and integration time, the formula gives the light again', () => {
  const gains = [1, 2, 4, 8, 1, 1, 48, 96];
  const times = [1, 0.5, 2, 4, 1.5, 2.5, 3, 3.5];
  forRandomValues('ltr559', (twin, values, random) => {
    const gain = [0, 1, 2, 3, 6, 7][Math.floor(random() * 6)] ?? 0;
    const time = Math.floor(random() * 8);
    twin.write(0x80, (gain << 2) | 1);
    twin.write(0x81, 0x03);
    twin.write(0x85, (time << 3) | 3);
    expect(twin.readAt(0x86, 2)).toEqual([0x92, 0x05]);
    const [infrared = 0, visible = 0] = words(twin.readAt(0x88, 4), false);
    if (visible === 65535 || infrared < 100) return;
    const lux = (1.7743 * visible + 1.1059 * infrared) / ((gains[gain] ?? 1) * (times[time] ?? 1));
    expect(infrared / (infrared + visible)).toBeLessThan(0.45);
    near(lux / (values.illuminance ?? 0), 1, 0.016);
    expect(words(twin.readAt(0x8d, 2), false)).toEqual([Math.round(values.proximity ?? 0)]);
  });
});

test('at24: erased bytes are ff, the large ones have addresses of two bytes', () => {
  const model = modelOf('at24');
  expect(model.sizes).toContain(4096);
  const shapes = (model.sizes ?? []).map((size) => model.twin?.image({ calibration: {}, size }).shape);
  expect(shapes.map((shape) => [shape?.size, shape?.addressBits, shape?.addresses])).toContainEqual([2048, 8, 8]);
  expect(twinFor('at24', {}, {}, 4096).readAt(0x0fff, 2)).toEqual([0xff, 0xff]);
});

test('every model is described by lines that the module takes, and has values within its ranges', () => {
  for (const model of chipModels.values()) {
    for (const { min, max, initial, resolution } of Object.values(model.quantities)) {
      expect(initial).toBeGreaterThanOrEqual(min);
      expect(initial).toBeLessThanOrEqual(max);
      expect(resolution).toBeLessThan(max - min);
    }
    expect(model.twin ?? model.qemu).toBeDefined();
    for (const quantity of Object.keys(model.qemu?.quantities ?? {})) expect(model.quantities).toHaveProperty(quantity);
    if (model.twin) twinFor(model.name, {});
  }
});

function near(got: number, wanted: number, tolerance: number): void {
  expect(Math.abs(got - wanted), `${got} for ${wanted}`).toBeLessThanOrEqual(tolerance);
}

function modelOf(name: string): ChipModel {
  const model = chipModels.get(name);
  if (model === undefined) throw new Error(`no model ${name}`);
  return model;
}

function settingsOf(model: ChipModel, calibration: Readonly<Record<string, number>>, size?: number): ChipSettings {
  const typical = Object.entries(model.calibration ?? {}).map(([name, { typical: value }]) => [name, value]);
  return { calibration: { ...Object.fromEntries(typical), ...calibration }, size: size ?? model.sizes?.[0] ?? 0 };
}

function valuesOf(model: ChipModel, given: Values): Values {
  const initial = Object.entries(model.quantities).map(([name, quantity]) => [name, quantity.initial]);
  return { ...Object.fromEntries(initial), ...given };
}

function twinFor(name: string, values: Values, calibration: Values = {}, size?: number): Twin {
  const model = modelOf(name);
  const settings = settingsOf(model, calibration, size);
  if (model.twin === undefined) throw new Error(`${name} has no twin`);
  return twinOf(chipScript(model.twin.image(settings), model.twin.variables(valuesOf(model, values), settings)));
}

function change(name: string, values: Values): string[] {
  const model = modelOf(name);
  const variables = model.twin?.variables(valuesOf(model, values), settingsOf(model, {})) ?? new Map();
  return [...variables].map(([index, value]) => `var ${index} ${value}`);
}

/** Random values within the ranges; the ends of the ranges come, too. */
function forRandomValues(
  name: string,
  check: (twin: Twin, values: Values, random: () => number) => void,
  calibration: Values = {},
): void {
  const random = seeded(name.length * 7919 + 1);
  for (let round = 0; round < ROUNDS; round++) {
    const values = Object.entries(modelOf(name).quantities).map(([quantity, { min, max }]) => {
      const part = round === 0 ? 0 : round === 1 ? 1 : random();
      return [quantity, min + part * (max - min)];
    });
    check(twinFor(name, Object.fromEntries(values), calibration), Object.fromEntries(values), random);
  }
}

/** Little-endian words of two bytes. */
function words(bytes: readonly number[], signed = true): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, index) => {
    const word = (bytes[2 * index] ?? 0) | ((bytes[2 * index + 1] ?? 0) << 8);
    return signed ? (word << 16) >> 16 : word;
  });
}

function clamp(value: number, scale: number): number {
  return Math.max(-scale, Math.min((scale * 2047) / 2048, value));
}

/** A single conversion, as a part of the full scale. */
function convert(twin: Twin, mux: number, gain: number): number {
  twin.write(1, 0x80 | (mux << 4) | (gain << 1) | 1, 0x83);
  twin.wait(1);
  const [raw = 0] = words(twin.readAt(0, 2).reverse());
  return raw / 16 / 2048;
}

/** The compensation in floating point (BST-BMP280-DS001, 8.1), rounded as people read it. */
function readBmp280(twin: Twin, control: number): { temperature: number; pressure: number } {
  twin.write(0xf4, control);
  const calibration = twin.readAt(0x88, 24);
  const [T1 = 0] = words(calibration.slice(0, 2), false);
  const [P1 = 0] = words(calibration.slice(6, 8), false);
  const [, T2 = 0, T3 = 0, , P2 = 0, P3 = 0, P4 = 0, P5 = 0, P6 = 0, P7 = 0, P8 = 0, P9 = 0] = words(calibration);
  const data = twin.readAt(0xf7, 6);
  const rawPressure = raw20(data.slice(0, 3));
  const rawTemperature = raw20(data.slice(3, 6));
  const fine = (rawTemperature / 16384 - T1 / 1024) * T2 + (rawTemperature / 131072 - T1 / 8192) ** 2 * T3;
  let var1 = fine / 2 - 64000;
  let var2 = (var1 * var1 * P6) / 32768 + var1 * P5 * 2;
  var2 = var2 / 4 + P4 * 65536;
  var1 = ((P3 * var1 * var1) / 524288 + P2 * var1) / 524288;
  var1 = (1 + var1 / 32768) * P1;
  let pressure = ((1048576 - rawPressure - var2 / 4096) * 6250) / var1;
  pressure += ((P9 * pressure * pressure) / 2147483648 + (pressure * P8) / 32768 + P7) / 16;
  return { temperature: Math.round(fine / 51.2) / 100, pressure: Math.round(pressure) / 100 };
}

function raw20([high = 0, middle = 0, low = 0]: readonly number[]): number {
  return ((high << 16) | (middle << 8) | low) >> 4;
}

/** The same of humidity (BST-BME280-DS002, 8.1). */
function readHumidity(twin: Twin): number {
  const [T1 = 0] = words(twin.readAt(0x88, 2), false);
  const [T2 = 0, T3 = 0] = words(twin.readAt(0x8a, 4));
  const rawTemperature = raw20(twin.readAt(0xfa, 3));
  const fine = (rawTemperature / 16384 - T1 / 1024) * T2 + (rawTemperature / 131072 - T1 / 8192) ** 2 * T3;
  const [H1 = 0] = twin.readAt(0xa1, 1);
  const [H2 = 0] = words(twin.readAt(0xe1, 2));
  const [H3 = 0, e4 = 0, e5 = 0, e6 = 0, e7 = 0] = twin.readAt(0xe3, 5);
  const [H4, H5, H6] = [((e4 << 24) >> 20) | (e5 & 0x0f), ((e6 << 24) >> 20) | (e5 >> 4), (e7 << 24) >> 24];
  const [high = 0, low = 0] = twin.readAt(0xfd, 2);
  const offset = fine - 76800;
  const linear =
    ((high << 8) + low - (H4 * 64 + (H5 / 16384) * offset)) *
    ((H2 / 65536) * (1 + (H6 / 67108864) * offset * (1 + (H3 / 67108864) * offset)));
  return Math.max(0, Math.min(100, linear * (1 - (H1 * linear) / 524288)));
}
