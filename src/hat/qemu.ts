import type { Hat, HatChip } from './hat.ts';
import { hex } from './script.ts';

/** The chips that QEMU itself models on the Pi's I2C controllers: how it is told. */

/** A command of the QEMU Machine Protocol. */
export interface QmpCommand {
  readonly execute: string;
  readonly arguments: Readonly<Record<string, string | number>>;
}

/** The words of QEMU's command line that put the chips on the buses. QEMU numbers the controllers as the kernel does. */
export function qemuArguments(hat: Hat): string[] {
  return qemuChips(hat).flatMap((chip) => {
    const { device = '', properties } = chip.model?.qemu ?? {};
    const all = {
      id: qemuId(hat.name, chip),
      bus: `i2c-bus.${chip.bus}`,
      address: hex(chip.address),
      ...properties?.(chip.settings),
    };
    return ['-device', [device, ...Object.entries(all).map(([name, value]) => `${name}=${value}`)].join(',')];
  });
}

/** What makes the chips measure their values: after every reset of the machine, which sets them back, and at every change. */
export function qmpCommands(hat: Hat): QmpCommand[] {
  return qemuChips(hat).flatMap((chip) => qmpChange(hat.name, chip));
}

/** What makes one chip measure its values. */
export function qmpChange(hat: string, chip: HatChip): QmpCommand[] {
  return Object.entries(chip.model?.qemu?.quantities ?? {}).map(([name, { property, factor }]) => ({
    execute: 'qom-set',
    arguments: {
      path: `/machine/peripheral/${qemuId(hat, chip)}`,
      property,
      value: Math.round((chip.values[name] ?? 0) * factor),
    },
  }));
}

function qemuChips(hat: Hat): HatChip[] {
  return hat.chips.filter(({ engine }) => engine === 'qemu');
}

/** QEMU's ids have letters, digits, `-`, `.` and `_`, and begin with a letter. */
function qemuId(hat: string, chip: HatChip): string {
  return `hat.${hat.replace(/[^A-Za-z0-9._-]/g, '-')}.${chip.name}`;
}
