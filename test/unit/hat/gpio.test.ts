import { expect, test } from 'vitest';
import { gpioFile } from '../../../src/hat/gpio.ts';
import type { Hat } from '../../../src/hat/hat.ts';

const hat: Hat = { name: 'panel', chips: [], gpio: [], real: { config: [], kernel: [], modules: [] } };

test('a HAT without lines has no file for hat-gpio', () => {
  expect(gpioFile(hat)).toBeUndefined();
});

test('the lines of a HAT are told in the order of their numbers, with names, directions and first levels', () => {
  const gpio = [
    { name: 'button', line: 22, direction: 'in', initial: 1 },
    { name: 'led', line: 4, direction: 'out', initial: 0 },
  ] as const;
  expect(
    gpioFile({ ...hat, gpio })
      ?.split('\n')
      .slice(1),
  ).toEqual(['4 led out 0', '22 button in 1', '']);
});
