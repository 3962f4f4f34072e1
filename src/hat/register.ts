import type { Hat, HatChip } from './hat.ts';
import type { Quantity } from './model.ts';
import { hex } from './script.ts';

/** Registers that are set by hand while a chip is at work: of those, too, that no model knows. */

/** Whether the last part of a setting's path is a register's number: `my-hat.odd.0x10`. */
export function isRegister(path: string): boolean {
  return /(^|\.)0x[0-9a-f]{1,4}$/i.test(path);
}

/** A path with its register as `settable` writes it. */
export function canonicalPath(path: string): string {
  return path.replace(/\.(0x[0-9a-f]{1,4})$/i, (_, number) => `.${hex(Number(number))}`);
}

/** What a register holds when nobody set it. */
export function registerAtStart({ image }: HatChip, register: number): number {
  return image?.registers.get(register) ?? image?.fill ?? 0;
}

/** What can be in a register. */
export function registerQuantity(chip: HatChip, register: number): Quantity {
  const max = 2 ** (chip.image?.shape.valueBits ?? 8) - 1;
  return { summary: 'a register', unit: 'count', min: 0, max, resolution: 1, initial: registerAtStart(chip, register) };
}

/** The HAT with a register of a chip set; undefined after telling what is wrong. */
export function changeRegister(
  hat: Hat,
  chip: HatChip,
  register: number,
  written: string,
  problem: (code: string, message: string, hint?: string) => void,
): { hat: Hat; chip: HatChip; quantity: Quantity; value: number } | undefined {
  if (chip.image === undefined) {
    const hint = chip.model?.twin ? "with 'engine: twin' in its recipe they can" : undefined;
    problem('register', `the registers of '${chip.name}', which QEMU models, cannot be set`, hint);
    return undefined;
  }
  const size = chip.image.shape.size ?? 256;
  if (register >= size) {
    problem('register', `'${chip.name}' has no register ${hex(register)}`, `it has ${size}`);
    return undefined;
  }
  const quantity = registerQuantity(chip, register);
  const { max } = quantity;
  const text = written.trim();
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) {
    problem('bad-value', `expected what a register holds, got '${text}'`, `numbers from 0 to ${hex(max)}`);
    return undefined;
  }
  const changed = { ...chip, written: new Map([...(chip.written ?? []), [register, value]]) };
  const chips = hat.chips.map((each) => (each === chip ? changed : each));
  return { hat: { ...hat, chips }, chip: changed, quantity, value };
}
