import { expect, test } from 'vitest';
import { changeSetting, settable } from '../../../src/hat/change.ts';
import { gpioFile, gpioWords, parseLevels } from '../../../src/hat/gpio.ts';
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

const panel: Hat = {
  ...hat,
  gpio: [
    { name: 'button', line: 22, direction: 'in', initial: 1 },
    { name: 'door', line: 23, direction: 'in', initial: 0 },
    { name: 'led', line: 4, direction: 'out', initial: 0 },
  ],
};

test('a line that the Pi reads can be pulled, and the board is told so at its start', () => {
  const result = changeSetting([panel], 'panel.button=low');
  if (!result.ok) throw new Error(result.diagnostics[0]?.message);
  expect(result.value).toMatchObject({ value: 0, quantity: { unit: 'level' } });
  expect(settable([result.value.hat]).map(({ path, value }) => [path, value])).toEqual([
    ['panel.button', 0],
    ['panel.door', 0],
  ]);
  expect(gpioWords([panel], [result.value.hat])).toEqual(['pibuild.gpio=22=0']);
  expect(gpioWords([panel], [panel])).toEqual([]);
});

test.each([
  ['panel.buton=1', 'hat/unknown-line', "did you mean 'button'?"],
  ['panel.led=1', 'hat/output', '`pibuild set` without a setting shows its level'],
  ['panel.button=0.5', 'hat/bad-value', undefined],
  ['panel.button=', 'hat/bad-value', undefined],
])('%s is refused', (setting, code, hint) => {
  const result = changeSetting([panel], setting);
  expect(result.ok ? [] : result.diagnostics).toMatchObject([{ code, ...(hint !== undefined && { hint }) }]);
});

test('levels are read as hat-gpio shows them', () => {
  expect([...parseLevels('4 led out 1\n22 button in 0')]).toEqual([
    [4, 1],
    [22, 0],
  ]);
});
