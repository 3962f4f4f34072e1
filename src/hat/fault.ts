import { didYouMean, failure, type Result, success } from '../diagnostic.ts';
import { parseDuration } from '../recipe/units.ts';

/**
 * Faults, in the words of `pibuild fault` and of recipes:
 *
 *     nack                             it does not answer to its address
 *     gone                             the same; `gone after 100` reads better
 *     nack-data BYTES                  it takes so many bytes of a transfer, no more
 *     wrong-data [MASK [REG[-REG]]]    it is read wrong: these bits are turned over (default all, in all registers)
 *     stuck                            once spoken to it holds the bus: nothing on it gets through
 *     slow TIME                        it stretches the clock for so long, like 50ms
 *     none                             it is well
 *
 * Each may end in `after N` (the next N transfers still go well) and `times N` (it is over after so many).
 */
export interface FaultOrder {
  /** As people say it. */
  readonly words: string;
  /** What i2c-twin is told: its orders, one after the other. */
  readonly twin: readonly string[];
}

/** What is no fault is a diagnostic `hat/bad-fault`. */
export function parseFault(text: string): Result<FaultOrder> {
  const words = text.trim().split(/\s+/);
  const [kind = '', ...rest] = words;
  const known = Object.hasOwn(faults, kind) ? faults[kind] : undefined;
  if (known === undefined) {
    const near = didYouMean(kind, Object.keys(faults));
    return wrong(`there is no fault '${kind}'`, near ?? `faults are ${Object.keys(faults).join(', ')}`);
  }
  const limitsAt = rest.findIndex((word) => word === 'after' || word === 'times');
  const details = limitsAt === -1 ? rest : rest.slice(0, limitsAt);
  const limits = limitsAt === -1 ? [] : rest.slice(limitsAt);
  const order = known.order(details);
  if (order === undefined) return wrong(`'${text.trim()}' is no fault`, `write it like \`${known.example}\``);
  if (kind === 'none') return limits.length === 0 ? success({ words: kind, twin: ['clear'] }) : endless(text);
  if (!limitsHold(limits)) return endless(text);
  return success({ words: words.join(' '), twin: ['clear', [order, ...limits].join(' ')] });
}

interface FaultKind {
  readonly example: string;
  /** i2c-twin's words for it; undefined when the details do not fit. */
  order(details: readonly string[]): string | undefined;
}

const faults: Readonly<Record<string, FaultKind>> = {
  nack: { example: 'nack after 10', order: plain('nack') },
  gone: { example: 'gone after 100', order: plain('gone') },
  'nack-data': { example: 'nack-data 2', order: ([bytes, ...more]) => numbered('nack-data', bytes, more) },
  'wrong-data': { example: 'wrong-data 0xff 0xf7-0xfc', order: wrongData },
  stuck: { example: 'stuck times 5', order: plain('stuck') },
  slow: { example: 'slow 50ms', order: slow },
  none: { example: 'none', order: plain('clear') },
};

function plain(word: string): FaultKind['order'] {
  return (details) => (details.length === 0 ? word : undefined);
}

function numbered(word: string, value: string | undefined, more: readonly string[]): string | undefined {
  return value !== undefined && NUMBER.test(value) && more.length === 0 ? `${word} ${value}` : undefined;
}

function wrongData([mask = '0xff', range, ...more]: readonly string[]): string | undefined {
  if (!NUMBER.test(mask) || more.length > 0) return undefined;
  if (range === undefined) return `xor ${mask}`;
  const [from = '', to = from, ...others] = range.split('-');
  const fits = NUMBER.test(from) && NUMBER.test(to) && Number(from) <= Number(to) && others.length === 0;
  return fits ? `xor ${mask} ${range}` : undefined;
}

function slow([time = '', ...more]: readonly string[]): string | undefined {
  return TIME.test(time) && more.length === 0 ? `slow ${parseDuration(time)}` : undefined;
}

function limitsHold(limits: readonly string[]): boolean {
  return /^(after \d{1,9})?( ?times [1-9]\d{0,8})?$/.test(limits.join(' '));
}

const NUMBER = /^(0x[0-9a-fA-F]{1,8}|\d{1,9})$/;
const TIME = /^[0-9]+(\.[0-9]+)?(ms|s|m)$/;

function endless(text: string): Result<never> {
  return wrong(`'${text.trim()}' is no fault`, 'it ends in `after N`, `times N`, or both in this order');
}

function wrong(message: string, hint: string): Result<never> {
  return failure({ severity: 'error', code: 'hat/bad-fault', message, hint });
}
