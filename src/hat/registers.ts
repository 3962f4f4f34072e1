import type { Diagnostic } from '../diagnostic.ts';
import { parseDuration } from '../recipe/units.ts';
import { maskOf } from './bytes.ts';
import { type Dump, parseDump } from './dump.ts';
import { hookLine, spanOf, spanText } from './hooks.ts';
import type { ChipImage, ChipModel, ChipSettings, Shape } from './model.ts';
import type { ChipReport } from './problems.ts';
import type { ChipRecipe, ShapeRecipe } from './schema.ts';
import { hex } from './script.ts';

/** A dump that a recipe names: its text, and how diagnostics call the file. Undefined: there is no such file. */
export type ReadDump = (path: string) => { readonly text: string; readonly file: string } | undefined;

/**
 * The image of a chip: that of its model, then the dump, then the registers that the recipe lists, each over what was
 * before. What does not fit is told.
 */
export function resolveImage(
  recipe: ChipRecipe,
  model: ChipModel | undefined,
  settings: ChipSettings,
  dump: Dump | undefined,
  report: ChipReport,
): ChipImage {
  const base = model?.twin?.image(settings) ?? { shape: {}, registers: new Map(), writable: new Map(), hooks: [] };
  const shape: Shape = { ...base.shape, ...(dump?.valueBits === 16 && { valueBits: 16 }), ...shapeOf(recipe.shape) };
  const dumped = dump ? fromWire(dump, shape) : [];
  // i2cdump prints 256 registers of every chip: what a model does not have are echoes of those that it has.
  const own = model ? dumped.filter(([register]) => register < (shape.size ?? 256)) : dumped;
  const registers = new Map([...base.registers, ...own, ...listed(recipe)]);
  checkRegisters(recipe, registers, shape, report);
  const readOnly = (recipe.readOnly ?? []).flatMap((span) => maskOf(...spanOf(span)));
  return {
    ...base,
    shape,
    registers,
    writable: new Map([...base.writable, ...readOnly]),
    hooks: [...base.hooks, ...(recipe.hooks ?? []).map(hookLine)],
  };
}

/** The dump that a chip names; undefined when it names none, or none that can be read, which is told. */
export function readDump(
  { address, dump: path }: ChipRecipe,
  { read, report, problems }: { read: ReadDump; report: ChipReport; problems: Diagnostic[] },
): Dump | undefined {
  if (path === undefined) return undefined;
  const found = read(path);
  if (found === undefined) {
    report('missing-file', `there is no '${path}' beside the recipe`, ['dump']);
    return undefined;
  }
  const parsed = parseDump(found.text, found.file, address);
  if (parsed.ok) return parsed.value;
  problems.push(...parsed.diagnostics);
  return undefined;
}

/** A dump in words has the byte that came first in the low half: where a chip sends the high one first, they change places. */
function fromWire(
  { registers, valueBits }: { registers: ReadonlyMap<number, number>; valueBits: number },
  shape: Shape,
) {
  if (valueBits === 8 || shape.order === 'little') return [...registers];
  return [...registers].map(([register, word]): [number, number] => [register, (word >> 8) | ((word & 0xff) << 8)]);
}

function listed({ registers = {} }: ChipRecipe): [number, number][] {
  return Object.entries(registers).flatMap(([register, value]) =>
    [value].flat().map((each, index): [number, number] => [Number(register) + index, each]),
  );
}

function shapeOf({ writeCycle, ...shape }: ShapeRecipe = {}): Shape {
  return { ...shape, ...(writeCycle !== undefined && { writeCycle: parseDuration(writeCycle) }) } as Shape;
}

/** Registers that there are, with values that fit them. */
function checkRegisters(
  recipe: ChipRecipe,
  registers: ReadonlyMap<number, number>,
  shape: Shape,
  report: ChipReport,
): void {
  const size = shape.size ?? 256;
  const bits = shape.valueBits ?? 8;
  const reach = shape.addressBits === 16 ? 0x10000 : shape.addressBits === 0 ? size : 256 * (shape.addresses ?? 1);
  if (size > reach) {
    const hint = 'shape: { addressBits: 16 } reaches 65536 registers';
    report(
      'shape',
      `${size} registers are more than an address of ${shape.addressBits ?? 8} bits reaches`,
      ['shape', 'size'],
      { hint },
    );
  }
  for (const [key, value] of Object.entries(recipe.registers ?? {})) {
    const last = Number(key) + [value].flat().length - 1;
    if (last >= size)
      report('register', `there is no register ${hex(last)}`, ['registers', key], {
        hint: `shape.size says that there are ${size}`,
      });
    const wide = [value].flat().find((each) => each >= 2 ** bits);
    if (wide !== undefined)
      report('register', `${hex(wide)} does not fit a register of ${bits} bits`, ['registers', key], {
        hint: 'shape: { valueBits: 16 } makes them wider',
      });
  }
  const beyond = [...registers.keys()].find((register) => register >= size);
  if (recipe.dump !== undefined && beyond !== undefined)
    report('register', `the dump has a register ${hex(beyond)}, but the chip only ${size}`, ['dump']);
  for (const [index, span] of (recipe.readOnly ?? []).entries()) {
    const [from, to] = spanOf(span);
    if (from > to || to >= size) report('register', `there are no registers ${spanText(span)}`, ['readOnly', index]);
  }
  for (const [index, { register }] of (recipe.hooks ?? []).entries()) {
    const [from, to] = spanOf(register);
    if (from > to || to >= size)
      report('register', `there is no register ${spanText(register)}`, ['hooks', index, 'register']);
  }
}
