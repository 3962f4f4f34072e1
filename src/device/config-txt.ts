/**
 * What the Pi's firmware reads in config.txt, as far as an emulator needs it.
 * Source: "config.txt" in the Raspberry Pi documentation: one `key=value` a line, the last one counts; `initramfs` has a space
 * instead of `=`; `[...]` filters what follows until the next filter; lines are cut at 98 characters.
 */
export interface FirmwareConfig {
  /** The last value of each key. */
  readonly values: ReadonlyMap<string, string>;
  /** The file named by `initramfs FILE followkernel`. */
  readonly initramfs?: string;
}

/** Reads config.txt as a board does that answers to these filters: `pi3`, `board-type=0x08`. */
export function readConfigTxt(text: string, filters: readonly string[]): FirmwareConfig {
  const known = new Set(['all', ...filters.map((filter) => filter.toLowerCase())]);
  const values = new Map<string, string>();
  let initramfs: string | undefined;
  let applies = true;
  for (const line of text.split('\n').map((line) => line.trim())) {
    const filter = /^\[(.*)\]$/.exec(line)?.[1];
    if (filter !== undefined) applies = known.has(filter.trim().toLowerCase());
    if (!applies || filter !== undefined || line.startsWith('#')) continue;
    const [, file] = /^initramfs\s+(\S+)/.exec(line) ?? [];
    if (file !== undefined) initramfs = file;
    const [, key, value] = /^([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value);
  }
  return { values, ...(initramfs !== undefined && { initramfs }) };
}

/** The files of the boot partition that the firmware loads. `os_prefix` is put before each, as the firmware does. */
export interface BootFiles {
  readonly kernel: string;
  readonly cmdline: string;
  /** Absent: the firmware chooses by the board's revision. */
  readonly deviceTree?: string;
  readonly initramfs?: string;
}

/** Which files a 64-bit board loads with this config.txt. */
export function bootFiles(config: FirmwareConfig): BootFiles {
  const { values } = config;
  const prefix = values.get('os_prefix') ?? '';
  const tree = values.get('device_tree');
  return {
    kernel: prefix + (values.get('kernel') ?? 'kernel8.img'),
    cmdline: prefix + (values.get('cmdline') ?? 'cmdline.txt'),
    ...(tree && { deviceTree: prefix + tree }),
    ...(config.initramfs !== undefined && { initramfs: prefix + config.initramfs }),
  };
}
