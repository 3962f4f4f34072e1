import type { ChipImage, Shape, Variables } from './model.ts';

/** i2c-twin's language (packages/i2c-twin/script.c), written. */

/** The lines that describe a chip: its shape, registers, masks, variables and hooks, and that this is its power-on state. */
export function chipScript(image: ChipImage, variables: Variables): string[] {
  const digits = (image.shape.valueBits ?? 8) / 4;
  return [
    ...shapeLines(image.shape),
    ...(image.fill ? [`fill 0x00-${hex((image.shape.size ?? 256) - 1)} ${hex(image.fill)}`] : []),
    ...rows(image.registers, digits),
    'save',
    ...maskLines(image.writable),
    ...ranges(image.clearOnRead ?? new Map()).map(([range, mask]) => `clear-on-read ${range} ${hex(mask)}`),
    ...variableLines(image.constants ?? new Map()),
    ...variableLines(variables),
    ...image.hooks,
  ];
}

/** The lines that change a chip's variables while it runs. */
export function variableLines(variables: Variables): string[] {
  return [...variables].map(([index, value]) => `var ${index} ${value}`);
}

/** Rows of registers as i2cdump prints them, with XX for what nobody gave a value. */
export function rows(registers: ReadonlyMap<number, number>, digits: number): string[] {
  const starts = [...new Set([...registers.keys()].map((register) => register - (register % ROW)))];
  return starts.sort((a, b) => a - b).map((start) => row(start, registers, digits));
}

export function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

/** How many registers a row holds. */
const ROW = 16;

function row(start: number, registers: ReadonlyMap<number, number>, digits: number): string {
  const values = Array.from({ length: ROW }, (_, index) => registers.get(start + index));
  const end = values.findLastIndex((value) => value !== undefined) + 1;
  const words = values.slice(0, end).map((value) => value?.toString(16).padStart(digits, '0') ?? 'XX');
  return `${start.toString(16).padStart(2, '0')}: ${words.join(' ')}`;
}

/** The order matters: what a size may be depends on the length of addresses. */
function shapeLines(shape: Shape): string[] {
  const { increment } = shape;
  const lines: [string, number | string | undefined][] = [
    ['address-bits', shape.addressBits],
    ['addresses', shape.addresses],
    ['value-bits', shape.valueBits],
    ['order', shape.order],
    ['size', shape.size],
    ['pointer-mask', shape.pointerMask === undefined ? undefined : hex(shape.pointerMask)],
    ['increment', typeof increment === 'object' ? `${hex(increment.mask)} ${hex(increment.value)}` : increment],
    ['write-page', shape.writePage],
    ['write-cycle', shape.writeCycle],
  ];
  return lines.flatMap(([word, value]) => (value === undefined ? [] : [`${word} ${value}`]));
}

function maskLines(writable: ReadonlyMap<number, number>): string[] {
  return ranges(writable).map(([range, mask]) => (mask === 0 ? `read-only ${range}` : `mask ${range} ${hex(mask)}`));
}

/** Neighbours with the same mask as one range. */
function ranges(masks: ReadonlyMap<number, number>): [string, number][] {
  const spans: { from: number; to: number; mask: number }[] = [];
  for (const [register, mask] of [...masks].sort(([a], [b]) => a - b)) {
    const last = spans.at(-1);
    if (last && last.to === register - 1 && last.mask === mask) last.to = register;
    else spans.push({ from: register, to: register, mask });
  }
  return spans.map(({ from, to, mask }) => [from === to ? hex(from) : `${hex(from)}-${hex(to)}`, mask]);
}
