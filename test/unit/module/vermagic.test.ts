import { expect, test } from 'vitest';
import { vermagicOf } from '../../../src/module/vermagic.ts';

test.each([
  [['SMP', 'MODULE_UNLOAD', 'ARM64'], '6.12.1 SMP mod_unload aarch64'],
  [
    ['SMP', 'PREEMPT_BUILD', 'PREEMPT_DYNAMIC', 'MODULE_UNLOAD', 'MODVERSIONS', 'X86_64'],
    '6.12.1 SMP preempt mod_unload modversions',
  ],
  [['SMP', 'PREEMPT_RT', 'ARM64'], '6.12.1 SMP preempt_rt aarch64'],
  [[], '6.12.1'],
])('of a kernel with %j it is %j', (options, vermagic) => {
  expect(vermagicOf('6.12.1', new Map(options.map((option) => [option, 'y'])))).toBe(vermagic);
});
