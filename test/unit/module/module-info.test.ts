import { expect, test } from 'vitest';
import { readElf } from '../../../src/module/elf.ts';
import { moduleKey, readModule } from '../../../src/module/module-info.ts';
import { koOf } from '../../helpers/modules.ts';

const said = {
  vermagic: '6.12.1 SMP mod_unload aarch64 ',
  license: 'GPL',
  description: 'chips = registers',
  depends: 'configfs,i2c-mux',
  parm: ['number:the bus', 'loud:how loud: 0 or 1'],
  parmtype: ['number:int', 'chip_addr:array of ushort'],
};

test('a module says what it is, needs and takes', () => {
  expect(readModule(koOf(said))).toEqual({
    machine: 'arm64',
    vermagic: '6.12.1 SMP mod_unload aarch64',
    license: 'GPL',
    description: 'chips = registers',
    depends: ['configfs', 'i2c-mux'],
    parameters: new Map([
      ['number', 'int'],
      ['loud', ''],
      ['chip_addr', 'array of ushort'],
    ]),
  });
});

test('a module without a licence has none, and one that needs nothing depends on nothing', () => {
  const info = readModule(koOf({ vermagic: 'x', depends: '' }));
  expect(info).not.toHaveProperty('license');
  expect(info?.depends).toEqual([]);
});

test.each([
  [62, 'amd64'],
  [40, 'arm'],
  [8, 'machine 8'],
])('machine %i is %s', (machine, name) => {
  expect(readModule(koOf(said, machine))?.machine).toBe(name);
});

test('what is no object file, or is cut off anywhere, is no module and no crash', () => {
  const whole = koOf(said);
  expect(readElf(Buffer.from('#!/bin/sh\n'.repeat(20)))).toBeUndefined();
  // Of the last section's header only the first half is read.
  for (let length = 0; length < whole.length - 32; length++) {
    expect(readModule(whole.subarray(0, length))).toBeUndefined();
  }
});

test('dash and underscore are one to the kernel', () => {
  expect(moduleKey('snd-soc_core')).toBe(moduleKey('snd_soc-core'));
});
