import { expect, test } from 'vitest';
import { moduleRules } from '../../../src/module/makefiles.ts';

function rulesOf(text: string) {
  return moduleRules(new Map([['drivers/x/Makefile', text]])).map(({ module, option, line }) => [module, option, line]);
}

test('an object behind an option is a module, folders and parts of others are none', () => {
  const text = [
    '# SPDX-License-Identifier: GPL-2.0',
    'obj-$(CONFIG_ONE)\t+= one.o sub/',
    'obj-$(CONFIG_TWO) := two.o # why',
    'two-y := core.o',
    'two-$(CONFIG_SPI) += spi.o',
    'obj-y += always.o',
    '#obj-$(CONFIG_OLD) += old.o',
  ].join('\n');
  expect(rulesOf(text)).toEqual([
    ['one', 'ONE', 2],
    ['two', 'TWO', 3],
  ]);
});

test('a line goes on behind a backslash', () => {
  expect(rulesOf('obj-$(CONFIG_A) += \\\n\ta.o \\\n\tsub/b.o\nobj-$(CONFIG_C) += c.o')).toEqual([
    ['a', 'A', 1],
    ['b', 'A', 1],
    ['c', 'C', 4],
  ]);
});

test('where an expression decides, no option is named', () => {
  expect(rulesOf('obj-$(subst m,y,$(CONFIG_OF)) += of.o\nobj-m += own.o')).toEqual([
    ['of', undefined, 1],
    ['own', undefined, 2],
  ]);
});
