import type { Hat, HatChip } from './hat.ts';
import type { ChipImage } from './model.ts';
import { chipScript, hex, variableLines } from './script.ts';

/** What the module i2c-twin is told of a HAT. */

/** The folder of a chip below its adapter's in configfs: /sys/kernel/config/i2c-twin/i2c-<bus>/<this>. */
export function twinName(hat: string, chip: HatChip): string {
  return `${hat.replaceAll('/', '+')}.${chip.name}`;
}

/**
 * The file that `i2c-twin load` reads: `bus NUMBER ATTRIBUTE=VALUE...`, then for each chip `chip NAME ADDRESS` and its
 * script. Undefined: no chip of the HAT is the module's.
 *
 * The errno and the abilities are those of the Pi's own controller (i2c-bcm2835), so that a program meets the same errors.
 */
export function twinFile(hat: Hat): string | undefined {
  const chips = hat.chips.filter(({ engine }) => engine === 'twin');
  if (chips.length === 0) return undefined;
  const buses = [...new Set(chips.map(({ bus }) => bus))].sort((a, b) => a - b);
  const lines = buses.flatMap((bus) => [
    `bus ${bus} nack_error=${EREMOTEIO} functions=${hex(BCM2835_FUNCTIONS)}`,
    ...chips.filter((chip) => chip.bus === bus).flatMap((chip) => chipLines(hat.name, chip)),
  ]);
  return [`# The virtual half of the HAT '${hat.name}', for i2c-twin. Made by pibuild.`, ...lines, ''].join('\n');
}

/** The lines that make a running twin measure a chip's values, and hold the registers that were set. */
export function twinChange({ engine, model, values, settings, image, written }: HatChip): string[] {
  if (engine !== 'twin') return [];
  const variables = model?.twin ? variableLines(model.twin.variables(values, settings)) : [];
  return [...variables, ...registerLines(written ?? new Map(), image)];
}

/** A line for each register. */
export function registerLines(registers: ReadonlyMap<number, number>, image: ChipImage | undefined): string[] {
  const digits = (image?.shape.valueBits ?? 8) / 4;
  return [...registers].map(([register, value]) => `${digitsOf(register, 2)}: ${digitsOf(value, digits)}`);
}

function digitsOf(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** The word of the kernel's command line that gives a chip other values than its recipe's from the start. */
const SETTING = 'pibuild.set';

/** The words of the kernel's command line that make the twins measure `hats` where the image was made for `recipes`. */
export function twinWords(recipes: readonly Hat[], hats: readonly Hat[]): string[] {
  const before = new Map(recipes.flatMap(({ name, chips }) => chips.map((chip) => [twinName(name, chip), chip])));
  return hats.flatMap(({ name, chips }) =>
    chips.flatMap((chip) => {
      const path = twinName(name, chip);
      if (before.get(path) === chip) return [];
      const settings = twinChange(chip).map((line) => line.replace(/^var (\d+) /, '$1=').replace(/^(\w+): /, 'r$1='));
      return settings.length === 0 ? [] : [`${SETTING}=${path}:${settings.join(',')}`];
    }),
  );
}

/** What the drivers of the kernel are bound to, on the card as in the emulator: lines `BUS ADDRESS NAME`. */
export function driverFile(hat: Hat): string | undefined {
  const lines = hat.chips.flatMap(({ bus, address, driver }) => (driver ? [`${bus} ${hex(address)} ${driver}`] : []));
  return lines.length > 0 ? `${lines.join('\n')}\n` : undefined;
}

/** Remote I/O error, which i2c-bcm2835 has for an address that nobody answers to. */
const EREMOTEIO = 121;
/** I2C_FUNC_I2C and I2C_FUNC_SMBUS_EMUL: all but SMBus block reads. */
const BCM2835_FUNCTIONS = 0x0eff0009;

function chipLines(hat: string, chip: HatChip): string[] {
  const { model, values, settings, image } = chip;
  if (image === undefined) return [];
  const variables = model?.twin?.variables(values, settings) ?? new Map();
  return [`chip ${twinName(hat, chip)} ${hex(chip.address)}`, ...chipScript(image, variables)];
}
