import { fail } from '../diagnostic.ts';
import { parseSize } from '../recipe/units.ts';
import type { Context } from './context.ts';

/** One line of the table of verbs: what help says, what is parsed, and where the code is. */
export interface Verb {
  readonly name: string;
  /** One line, no full stop. */
  readonly summary: string;
  /** Further paragraphs for `--help`. */
  readonly details?: string;
  /** In order; `<name>` is required, `[name]` is not, and the last may be `[name...]`. */
  readonly arguments: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly VerbOption[];
  /** Commands, without `pibuild`, and what each is for. */
  readonly examples: readonly (readonly [command: string, purpose: string])[];
  /** The module is read only when the verb is used: a build with nothing to do is answered at once. */
  readonly load: () => Promise<VerbModule>;
}

export interface VerbOption {
  /** `--junit <file>`; the value arrives as `options.junit`. */
  readonly flags: string;
  readonly summary: string;
  /** Turns the text into the value. Throws a `Failure` when it is not one. */
  readonly parse?: (text: string) => unknown;
  /** May be given several times: the values arrive as a list. */
  readonly repeat?: boolean;
}

/** A verb's file: `run` does it and gives the exit code. What a user caused is thrown as a `Failure`. */
export interface VerbModule {
  run(context: Context, call: Call): Promise<number>;
}

/** How a verb was called. A verb names its own options: `call: Call<{ junit?: string }>`. */
export interface Call<Options = Record<string, unknown>> {
  readonly arguments: readonly string[];
  readonly options: Options;
}

/** What a program says when it ends. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, bug: 70 } as const;

/** A whole number that is at least 1, for options. */
export function positive(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw fail('cli/not-a-number', `'${text}' is not a whole number above zero`);
}

/** A number above zero, with decimals or without, for options. */
export function positiveDecimal(text: string): number {
  if (/^[0-9]{1,9}(\.[0-9]{1,9})?$/.test(text) && Number(text) > 0) return Number(text);
  throw fail('cli/not-a-number', `'${text}' is not a number above zero`);
}

/** A size like 512M or 20G in bytes, for options. */
export function size(text: string): number {
  if (/^[0-9]+[KMG]?$/.test(text)) return parseSize(text);
  throw fail('cli/not-a-size', `'${text}' is not a size`, 'sizes are bytes, or have K, M or G behind the number: 20G');
}

/** A bus as the kernel numbers them. */
export function bus(text: string): number {
  if (/^[0-9]{1,3}$/.test(text)) return Number(text);
  throw fail('cli/bus', `'${text}' is no number of a bus`, 'it is N of /dev/i2c-N: 1 on the header of a Pi');
}

/** I2C addresses with commas between them. */
export function chipAddresses(text: string): number[] {
  const addresses = text.split(',').map(Number);
  if (addresses.every((address) => Number.isInteger(address) && address >= 0x03 && address <= 0x77)) return addresses;
  throw fail('cli/address', `'${text}' are no I2C addresses`, 'write them like 0x48,0x49; they are 0x03 to 0x77');
}
