import type { Unit } from './units.ts';

/**
 * What a chip is to us: the model that a recipe names, and the image of registers and rules that the twin of it (the
 * kernel module i2c-twin) is loaded with. Types only.
 */

/** A kind of chip: what can be set of it, and how it answers. */
export interface ChipModel {
  /** As `model:` names it. */
  readonly name: string;
  readonly summary: string;
  /** The I2C addresses that its pins can give it; absent: any. */
  readonly addresses?: readonly number[];
  /** The name by which the kernel's driver knows it (`echo NAME ADDRESS > new_device`); absent: the kernel has none. */
  readonly driver?: string;
  /** What can be measured with it, by the name that recipes and `pibuild set` use. */
  readonly quantities: Readonly<Record<string, Quantity>>;
  /** Numbers that differ from one specimen to the next, with those of a real one. */
  readonly calibration?: Readonly<Record<string, Calibration>>;
  /** The sizes in bytes that it is sold in, the most usual one first. Of memories. */
  readonly sizes?: readonly number[];
  /** How the twin answers; absent: there is no twin, only QEMU has it. */
  readonly twin?: {
    image(settings: ChipSettings): ChipImage;
    /** The image's variables for these values: all of them, since one may depend on several. */
    variables(values: Values, settings: ChipSettings): Variables;
    /** What a dump of a real one says of it; absent, or undefined: nothing that the model knows of. */
    read?(registers: ReadonlyMap<number, number>): Specimen | undefined;
  };
  /** QEMU's own device; absent: it has none. */
  readonly qemu?: QemuDevice;
}

/** A certain chip of a kind. */
export interface Specimen {
  /** Its trimming constants. */
  readonly calibration: Readonly<Record<string, number>>;
  /** What it measured last, as far as it had. */
  readonly values: Values;
}

/** A physical quantity that a chip measures. */
export interface Quantity {
  readonly summary: string;
  readonly unit: Unit;
  /** The range that the chip can measure. */
  readonly min: number;
  readonly max: number;
  /** The step between two values that it can tell apart, at its usual settings. */
  readonly resolution: number;
  /** What it measures when nobody says. */
  readonly initial: number;
}

export interface Calibration {
  readonly min: number;
  readonly max: number;
  readonly typical: number;
}

/** What a recipe says of a chip besides values, with defaults filled in. */
export interface ChipSettings {
  readonly calibration: Readonly<Record<string, number>>;
  readonly size: number;
}

/** Quantities in their units, by name. */
export type Values = Readonly<Record<string, number>>;

/** Whole numbers that hooks compute with, by their index (0 to 63). */
export type Variables = ReadonlyMap<number, number>;

/** How the registers of a chip are reached; the words of i2c-twin's script. Absent: its defaults. */
export interface Shape {
  /** How long a register's address is on the bus (default 8). */
  readonly addressBits?: 0 | 8 | 16;
  /** At how many I2C addresses it answers (default 1). */
  readonly addresses?: number;
  /** How wide a register is (default 8). */
  readonly valueBits?: 8 | 16 | 24 | 32;
  /** Which byte of a register comes first (default big). */
  readonly order?: 'big' | 'little';
  /** How many registers there are (default 256). */
  readonly size?: number;
  /** Which bits of the address byte(s) are the address (default all). */
  readonly pointerMask?: number;
  /** Whether the address moves on by itself (default always), or only when these bits of it are so. */
  readonly increment?: 'always' | 'never' | { readonly mask: number; readonly value: number };
  /** Writes wrap around within so many registers. */
  readonly writePage?: number;
  /** Milliseconds for which it does not answer after a write. */
  readonly writeCycle?: number;
}

/** A chip as i2c-twin is told it. */
export interface ChipImage {
  readonly shape: Shape;
  /** Default 0. */
  readonly fill?: number;
  /** What is in the registers at power-on, by register; all else is `fill`. */
  readonly registers: ReadonlyMap<number, number>;
  /** Which bits of a register can be written; of one that is not here all can. */
  readonly writable: ReadonlyMap<number, number>;
  /** Which bits of a register become 0 when it was read. */
  readonly clearOnRead?: ReadonlyMap<number, number>;
  /** Variables that never change: tables of factors. */
  readonly constants?: Variables;
  /** Lines `on ... do ...` of i2c-twin's script. */
  readonly hooks: readonly string[];
}

/** A device that QEMU models on the Pi's own I2C controller. */
export interface QemuDevice {
  /** As `-device` names it. */
  readonly device: string;
  /** Properties that are given when it is made. */
  properties?(settings: ChipSettings): Readonly<Record<string, string | number>>;
  /** The property that a quantity is, and how many of its units one of ours is. */
  readonly quantities: Readonly<Record<string, { readonly property: string; readonly factor: number }>>;
}
