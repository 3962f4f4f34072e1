import type { ChipImage, ChipModel, ChipSettings, Values } from './model.ts';

/** A HAT as its recipe means it, checked, with every default filled in. Types only. */
export interface Hat {
  readonly name: string;
  readonly chips: readonly HatChip[];
  readonly gpio: readonly GpioLine[];
  readonly real: RealHat;
}

export interface HatChip {
  /** Unique on the HAT; in `pibuild set`, what stands before the quantity. */
  readonly name: string;
  /** The number that programs open: `/dev/i2c-<bus>`. */
  readonly bus: number;
  readonly address: number;
  /** What answers for it in the emulator: our kernel module, or QEMU itself. */
  readonly engine: 'twin' | 'qemu';
  /** Absent: registers and nothing more. */
  readonly model?: ChipModel;
  readonly settings: ChipSettings;
  /** Of every quantity of the model, in the model's units. */
  readonly values: Values;
  /** What the twin is loaded with. Absent: the engine is QEMU. */
  readonly image?: ChipImage;
  /** Registers that were set since. */
  readonly written?: ReadonlyMap<number, number>;
  /** The kernel's driver to bind to it at start; absent: none, so that programs have the chip to themselves. */
  readonly driver?: string;
}

export interface GpioLine {
  readonly name: string;
  /** Its number on the header's chip (BCM numbering). */
  readonly line: number;
  /** As the Pi sees it: `out` is driven by the Pi (an LED), `in` by the HAT (a button). */
  readonly direction: 'in' | 'out';
  /** The level before anybody drives it; on a board that is on, what an input is pulled to. */
  readonly initial: 0 | 1;
}

/** What the HAT of metal needs on the card. */
export interface RealHat {
  /** Lines of config.txt. */
  readonly config: readonly string[];
  /** Kernel options as a fragment has them: CONFIG_BMP280=m. */
  readonly kernel: readonly string[];
  /** Modules to load at start. */
  readonly modules: readonly string[];
}
