import { expect, test } from 'vitest';
import { nearestInput } from '../../../src/hat/search.ts';
import { formatQuantity, parseQuantity } from '../../../src/hat/units.ts';
import { seeded } from '../../helpers/random.ts';

test.each([
  [21.5, '°C', 21.5],
  ['21.5 °C', '°C', 21.5],
  ['21.5', '°C', 21.5],
  ['-4e1C', '°C', -40],
  ['300 K', '°C', 26.85],
  ['212 °F', '°C', 100],
  ['101325 Pa', 'hPa', 1013.25],
  ['101.325kPa', 'hPa', 1013.25],
  ['3300 mV', 'V', 3.3],
  ['48 µT', 'gauss', 0.48],
  ['9.80665 m/s²', 'g', 1],
] as const)('%s is %s: %d', (written, unit, value) => {
  expect(parseQuantity(written, unit)).toBe(value);
});

test.each(['', 'warm', '21.5 hPa', '21,5', '1 2', 'NaN', '0x10', '21.5 toString'])(
  '%s is no temperature',
  (written) => {
    expect(parseQuantity(written, '°C')).toBeUndefined();
  },
);

test('a quantity is written as people write it', () => {
  expect(formatQuantity(0.1 + 0.2, 'V')).toBe('0.3 V');
});

test('halving finds what trying all would find, rising and falling', () => {
  const random = seeded(1);
  for (let round = 0; round < 200; round++) {
    const high = 1 + Math.floor(random() * 100);
    const falling = random() < 0.5;
    const steps = Array.from({ length: high + 1 }, () => Math.floor(random() * 3));
    const sums = steps.map((_, index) => steps.slice(0, index + 1).reduce((sum, step) => sum + step, 0));
    const f = (input: number) => (falling ? -1 : 1) * (sums[input] ?? 0);
    const value = (falling ? -1 : 1) * random() * 120;
    const distances = sums.map((_, input) => Math.abs(f(input) - value));
    const found = nearestInput(f, value, { low: 0, high, falling });
    expect(distances[found]).toBe(Math.min(...distances));
    expect(f(found - 1)).not.toBe(f(found));
  }
});
