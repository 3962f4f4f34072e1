import { expect, test } from 'vitest';
import { loadList, parameterLines } from '../../../src/module/list.ts';

const modules = [
  { name: 'i2c-stub', parameters: { chip_addr: '72,73', label: 'two words' }, load: 'boot' },
  { name: 'spidev', parameters: {}, load: 'demand' },
  { name: 'gpio-sim', parameters: { debug: '1' }, load: 'demand' },
  { name: 'bmp280', parameters: {}, load: 'boot' },
] as const;

test('what is loaded at start is listed in order, by the name that the board gives', () => {
  expect(loadList(modules)).toBe("# Made by pibuild from the board's `modules`.\ni2c-stub\nbmp280\n");
});

test('parameters hold for whoever loads a module, also on demand', () => {
  expect(parameterLines(modules)).toBe(
    "# Made by pibuild from the board's `modules`.\n" +
      'options i2c_stub chip_addr=72,73 label="two words"\noptions gpio_sim debug=1\n',
  );
});

test('without any there are no files', () => {
  expect(loadList(modules.slice(1, 2))).toBe('');
  expect(parameterLines(modules.slice(1, 2))).toBe('');
});
