/** Registers out of numbers, for the chips' images. */

/** Bytes from a register on, in order. */
export function bytesAt(register: number, ...bytes: readonly number[]): [number, number][] {
  return bytes.map((byte, index) => [register + index, byte & 0xff]);
}

/** 16-bit words from a register of 8 bits on, the low byte first, as Bosch's and others' calibrations lie. */
export function wordsAt(register: number, ...words: readonly number[]): [number, number][] {
  return bytesAt(register, ...words.flatMap((word) => [word & 0xff, (word >> 8) & 0xff]));
}

/** The same mask for registers `from` to `to`. */
export function maskOf(from: number, to: number, mask = 0): [number, number][] {
  return Array.from({ length: to - from + 1 }, (_, index) => [from + index, mask]);
}
