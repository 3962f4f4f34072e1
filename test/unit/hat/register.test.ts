import { describe, expect, test } from 'vitest';
import { unwrap } from '../../../src/diagnostic.ts';
import { changeSetting, changeValues, settable } from '../../../src/hat/change.ts';
import { timelineOf } from '../../../src/hat/timeline.ts';
import { twinChange, twinWords } from '../../../src/hat/twin.ts';
import { hatFrom } from '../../helpers/hats.ts';
import { complaint } from '../../helpers/recipes.ts';
import { twinOf } from '../../helpers/twin.ts';

const recipe = `chips:
  odd: {address: 0x20, registers: {0x00: 0x2a, 0x10: [1, 2, 3]}}
  wide: {address: 0x49, model: ads1015}
  qemu: {address: 0x48, model: tmp105, engine: qemu}
`;

describe('a register that is set by hand', () => {
  test('is a line for the twin, and listed from then on', () => {
    const before = [hatFrom(recipe)];
    const hats = unwrap(changeValues(before, ['hat.odd.0x10=0xff', 'hat.odd.0x0A=7', 'hat.wide.0x02=0x1234']));
    const [odd, wide] = hats[0]?.chips ?? [];
    expect(odd && twinChange(odd)).toEqual(['10: ff', '0a: 07']);
    expect(wide && twinChange(wide).at(-1)).toBe('02: 1234');
    const twin = twinOf(odd ? twinChange(odd) : []);
    expect(twin.readAt(0x10, 1)).toEqual([0xff]);
    const listed = settable(hats).filter(({ path }) => path.includes('.0x'));
    expect(listed.map(({ path, value, quantity }) => [path, value, quantity.max, quantity.initial])).toEqual([
      ['hat.odd.0x10', 0xff, 0xff, 1],
      ['hat.odd.0x0a', 7, 0xff, 0],
      ['hat.wide.0x02', 0x1234, 0xffff, 0x8000],
    ]);
    expect(twinWords(before, hats)).toEqual([
      'pibuild.set=hat.odd:r10=ff,r0a=07',
      expect.stringMatching(/^pibuild\.set=hat\.wide:0=0,.*,r02=1234$/),
    ]);
  });

  test.each([
    ['hat.odd.0x100=1', "'odd' has no register 0x100 [hat/register]\n  hint: it has 256"],
    ['hat.odd.0x10=256', 'numbers from 0 to 0xff'],
    ['hat.odd.0x10=warm', "expected what a register holds, got 'warm'"],
    ['hat.odd.0x10=-1', "got '-1'"],
    ['hat.qemu.0x00=1', "the registers of 'qemu', which QEMU models, cannot be set"],
  ])('%s is refused', (setting, said) => {
    expect(complaint(() => unwrap(changeSetting([hatFrom(recipe)], setting)))).toContain(said);
  });

  test('takes steps, but no ramp', () => {
    const place = { file: 't.yaml', line: 1, column: 1 };
    const hats = [hatFrom(recipe)];
    const step = { at: 5, path: 'hat.odd.0x10', written: '0x20', place };
    expect(timelineOf({ steps: [{ ...step, do: 'set' }], every: 10, repeat: false }, hats).moments).toEqual([
      { at: 5, set: ['hat.odd.0x10=32'], fault: [] },
    ]);
    const ramp = { ...step, do: 'ramp', over: 50 } as const;
    expect(complaint(() => timelineOf({ steps: [ramp], every: 10, repeat: false }, hats))).toContain(
      'a register takes no ramp',
    );
  });
});
