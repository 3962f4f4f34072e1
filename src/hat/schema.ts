import { z } from 'zod';
import { duration } from '../recipe/schema.ts';

/** The closed schema of a HAT's recipe (`kind: hat`), beyond the keys that every package has. */

const register = z.int().min(0).max(0xffff);
const word = z.int().min(0).max(0xffff_ffff);
const span = z
  .union([register, z.string().regex(/^(0x[0-9a-fA-F]+|\d+)-(0x[0-9a-fA-F]+|\d+)$/, 'a range like 0xf7-0xfc')])
  .meta({ description: 'A register, or a range of them like 0xf7-0xfc' });
const registerKey = z
  .string()
  .regex(/^(0x[0-9a-fA-F]+|\d+)$/, "a register's number, like 0xd0")
  .meta({ description: "A register's number, like 0xd0" });
const identifier = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]*$/, 'a name of lower-case letters, digits, dash and underscore');

/** A value with what an editor says about it. */
const named = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description });

const action = z
  .union([
    z.strictObject({
      set: z
        .strictObject({ register: named(register, 'Which register'), value: named(word, 'What it then holds') })
        .meta({ description: 'Give a register a value' }),
    }),
    z.strictObject({
      clear: z
        .strictObject({ register: named(register, 'Which register'), bits: named(word, 'The bits that become 0') })
        .meta({ description: 'Clear bits of a register' }),
    }),
    z.strictObject({
      copy: z
        .strictObject({
          from: named(register, 'The first register read'),
          to: named(register, 'The first register written'),
          count: named(z.int().positive().optional(), 'How many (default 1)'),
        })
        .meta({ description: 'Copy registers, as a conversion does with its result' }),
    }),
    z.strictObject({ reset: named(z.literal(true), 'Give every register the value it had at power-on') }),
  ])
  .meta({ description: 'One of set, clear, copy and reset' });

const hook = z
  .strictObject({
    on: z.enum(['write', 'read', 'select']).meta({ description: 'What a program does to the register' }),
    register: span,
    mask: word.optional().meta({ description: 'Which bits of what is written (or is there) count (default all)' }),
    value: word.optional().meta({ description: 'What they must be; absent: any' }),
    after: duration.optional().meta({ description: 'How long it takes, as a conversion does (default: nothing)' }),
    do: z.array(action).min(1).meta({ description: 'What happens then, in order' }),
  })
  .meta({ description: 'What the chip does by itself when it is spoken to' });

const shape = z
  .strictObject({
    addressBits: z
      .union([z.literal(0), z.literal(8), z.literal(16)])
      .optional()
      .meta({
        description: "How long a register's address is on the bus (default 8)",
      }),
    valueBits: z
      .union([z.literal(8), z.literal(16), z.literal(24), z.literal(32)])
      .optional()
      .meta({
        description: 'How wide a register is (default 8)',
      }),
    order: z.enum(['big', 'little']).optional().meta({ description: 'Which byte comes first (default big)' }),
    size: z.int().positive().max(0x10000).optional().meta({ description: 'How many registers (default 256)' }),
    pointerMask: word.optional().meta({ description: 'Which bits of the address count (default all)' }),
    increment: z
      .union([
        z.enum(['always', 'never']),
        z.strictObject({ mask: named(word, 'The bits that say so'), value: named(word, 'What they must be') }),
      ])
      .optional()
      .meta({ description: 'Whether the address moves on by itself, or when which of its bits say so' }),
    writePage: z.int().positive().optional().meta({ description: 'Writes wrap around within so many registers' }),
    writeCycle: duration.optional().meta({ description: 'How long it does not answer after a write' }),
  })
  .meta({ description: 'How the registers of a chip without a model are reached' });

const chip = z
  .strictObject({
    bus: z.int().min(0).optional().meta({ description: 'The number of /dev/i2c-* (default 1)' }),
    address: z.int().meta({ description: 'The I2C address, like 0x77' }),
    model: z.string().optional().meta({ description: 'What chip it is: bmp280, tmp105, at24 ...' }),
    engine: z.enum(['twin', 'qemu']).optional().meta({
      description: 'What answers in the emulator: the module i2c-twin (default), or a device of QEMU where it has one',
    }),
    values: z
      .record(z.string(), z.union([z.number(), z.string()]))
      .optional()
      .meta({ description: 'What it measures, in physical units: temperature: 21.5 °C' }),
    calibration: z
      .record(z.string(), z.int())
      .optional()
      .meta({ description: 'Trimming constants by the names of the data sheet, where they differ from typical ones' }),
    size: z.int().positive().optional().meta({ description: 'Of a memory, in bytes' }),
    registers: z
      .record(registerKey, z.union([word, z.array(word)]))
      .optional()
      .meta({ description: 'What is in registers; a list fills the following ones, too' }),
    dump: z
      .string()
      .optional()
      .meta({ description: 'A file beside the recipe with what i2cdump or `pibuild capture` printed' }),
    shape: shape.optional(),
    readOnly: z.array(span).optional().meta({ description: 'Registers that cannot be written' }),
    hooks: z.array(hook).optional().meta({ description: 'What the chip does by itself, in order' }),
    driver: z
      .union([z.boolean(), z.string()])
      .optional()
      .meta({ description: "Bind the kernel's driver at start: true, or its name for the chip (default false)" }),
  })
  .meta({ description: 'A chip on the I2C bus' });

const gpioLine = z
  .strictObject({
    line: z.int().min(0).max(53).meta({ description: 'Its number (BCM)' }),
    direction: z.enum(['in', 'out']).meta({ description: 'As the Pi sees it: out drives an LED, in reads a button' }),
    initial: z
      .union([z.literal(0), z.literal(1)])
      .optional()
      .meta({ description: 'The level at start (default 0)' }),
  })
  .meta({ description: 'A GPIO line' });

const real = z
  .strictObject({
    config: z.array(z.string()).optional().meta({ description: 'Lines of config.txt' }),
    kernel: z
      .array(z.string().regex(/^CONFIG_\w+=\S+$/, 'an option like CONFIG_BMP280=m'))
      .optional()
      .meta({
        description: 'Kernel options',
      }),
    modules: z.array(z.string()).optional().meta({ description: 'Modules to load at start' }),
  })
  .meta({ description: 'What the HAT of metal needs on the card' });

export const hatRecipe = z.strictObject({
  chips: z.record(identifier, chip).optional().meta({ description: 'Its I2C chips, by a name of your own' }),
  gpio: z.record(identifier, gpioLine).optional().meta({ description: 'Its GPIO lines, by name' }),
  real: real.optional(),
});

export type HatRecipe = z.infer<typeof hatRecipe>;
export type ChipRecipe = z.infer<typeof chip>;
export type HookRecipe = z.infer<typeof hook>;
export type ShapeRecipe = z.infer<typeof shape>;
