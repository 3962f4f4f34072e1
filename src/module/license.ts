/** The words that MODULE_LICENSE may have and the kernel takes for GPL-compatible (include/linux/license.h). */
export const gplLicenses: readonly string[] = [
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
];

/** What a module says that is none of these: the kernel then is tainted, and gives it no GPL-only symbol. */
export const proprietary = 'Proprietary';
