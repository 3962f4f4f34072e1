/**
 * What the modules of a kernel carry for `vermagic` (include/linux/vermagic.h, and the architectures' asm/vermagic.h).
 * `config` is of symbols that are set (`parseConfig` of `kconfig/`); `release` is include/config/kernel.release.
 */
export function vermagicOf(release: string, config: ReadonlyMap<string, string>): string {
  const has = (symbol: string) => config.get(symbol) === 'y';
  const words = [
    release,
    ...(has('SMP') ? ['SMP'] : []),
    // PREEMPT_DYNAMIC builds with PREEMPT_BUILD too.
    ...(has('PREEMPT_BUILD') ? ['preempt'] : has('PREEMPT_RT') ? ['preempt_rt'] : []),
    ...(has('MODULE_UNLOAD') ? ['mod_unload'] : []),
    ...(has('MODVERSIONS') ? ['modversions'] : []),
    ...(has('ARM64') ? ['aarch64'] : []),
  ];
  return words.join(' ');
}
