import { describe, expect, test } from 'vitest';
import { unwrap } from '../../../src/diagnostic.ts';
import { spoilChip } from '../../../src/hat/change.ts';
import { parseFault } from '../../../src/hat/fault.ts';
import { hatFrom } from '../../helpers/hats.ts';
import { complaint } from '../../helpers/recipes.ts';

test.each([
  ['nack', ['clear', 'nack']],
  ['gone after 100', ['clear', 'gone after 100']],
  ['nack-data 2 times 3', ['clear', 'nack-data 2 times 3']],
  ['wrong-data', ['clear', 'xor 0xff']],
  ['wrong-data 0x80', ['clear', 'xor 0x80']],
  ['wrong-data 0xff 0xf7-0xfc after 5 times 1', ['clear', 'xor 0xff 0xf7-0xfc after 5 times 1']],
  ['stuck', ['clear', 'stuck']],
  ['slow 50ms', ['clear', 'slow 50']],
  ['slow 1.5s', ['clear', 'slow 1500']],
  ['none', ['clear']],
])('%s is what i2c-twin is told', (words, twin) => {
  expect(unwrap(parseFault(words))).toEqual({ words, twin });
});

describe('what is no fault is explained', () => {
  test.each([
    ['', "there is no fault ''"],
    ['nak', "did you mean 'nack'"],
    ['constructor', "there is no fault 'constructor'"],
    ['nack 5', "'nack 5' is no fault [hat/bad-fault]\n  hint: write it like `nack after 10`"],
    ['nack-data', 'write it like `nack-data 2`'],
    ['slow 50', 'write it like `slow 50ms`'],
    ['wrong-data 0xff 9-3', 'write it like `wrong-data 0xff 0xf7-0xfc`'],
    ['wrong-data; reboot', "there is no fault 'wrong-data;'"],
    ['nack times 0', 'it ends in `after N`, `times N`, or both in this order'],
    ['nack times 3 after 5', 'both in this order'],
    ['none after 3', 'both in this order'],
  ])('%s', (words, said) => {
    expect(complaint(() => unwrap(parseFault(words)))).toContain(said);
  });

  test('a chip that QEMU models cannot fail', () => {
    const hats = [hatFrom('chips: {air: {address: 0x48, model: tmp105, engine: qemu}}')];
    expect(complaint(() => unwrap(spoilChip(hats, 'hat.air', 'nack')))).toMatchInlineSnapshot(`
      "error: 'air' is a chip that QEMU models, which cannot fail [hat/no-fault]
        hint: with 'engine: twin' in its recipe it can"
    `);
    expect(complaint(() => unwrap(spoilChip(hats, 'air', 'nack')))).toMatchInlineSnapshot(`
      "error: expected HAT.CHIP, got 'air' [hat/bad-setting]
        hint: there are hat.air"
    `);
    expect(complaint(() => unwrap(spoilChip(hats, 'hat.ear', 'nack')))).toContain('known: air');
  });
});
