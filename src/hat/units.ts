/** Physical quantities as recipes write them: `21.5`, `21.5 °C`, `101325 Pa`. */

/** The unit that a model counts a quantity in; that of a number without one. */
export type Unit = keyof typeof units;

/** For each unit, what it may be written in: `ours = written * factor + offset`. */
const units = {
  '°C': {
    '°C': [1, 0],
    degC: [1, 0],
    C: [1, 0],
    K: [1, -273.15],
    '°F': [5 / 9, -160 / 9],
    degF: [5 / 9, -160 / 9],
    F: [5 / 9, -160 / 9],
  },
  hPa: { hPa: [1, 0], mbar: [1, 0], Pa: [0.01, 0], kPa: [10, 0], bar: [1000, 0] },
  '%': { '%': [1, 0], '%RH': [1, 0] },
  lux: { lux: [1, 0], lx: [1, 0], klx: [1000, 0] },
  K: { K: [1, 0] },
  V: { V: [1, 0], mV: [0.001, 0], µV: [1e-6, 0], uV: [1e-6, 0] },
  g: { g: [1, 0], mg: [0.001, 0], 'm/s²': [1 / 9.80665, 0], 'm/s2': [1 / 9.80665, 0] },
  gauss: { gauss: [1, 0], G: [1, 0], mG: [0.001, 0], µT: [0.01, 0], uT: [0.01, 0], mT: [10, 0] },
  count: { count: [1, 0] },
  level: { low: [0, 0], high: [0, 1] },
} as const satisfies Record<string, Record<string, readonly [factor: number, offset: number]>>;

/** What can be written for a unit, the unit itself first. */
export function spellings(unit: Unit): string[] {
  return Object.keys(units[unit]);
}

/** A quantity in `unit`; undefined when it is no number with one of its spellings. */
export function parseQuantity(text: string | number, unit: Unit): number | undefined {
  if (unit === 'level') return levels.get(String(text).trim());
  const written = /^([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)$/.exec(String(text).trim());
  if (written === null) return undefined;
  const [, number = '', spelling = ''] = written;
  const scales: Readonly<Record<string, readonly [factor: number, offset: number]>> = units[unit];
  const scale = Object.hasOwn(scales, spelling || unit) ? scales[spelling || unit] : undefined;
  if (scale === undefined) return undefined;
  // A power of ten may cost the last digit (101325 * 0.01), which nobody wants to read again in a message.
  return Number((Number(number) * scale[0] + scale[1]).toPrecision(15));
}

/** The levels of a GPIO line. */
const levels: ReadonlyMap<string, number> = new Map([
  ['0', 0],
  ['low', 0],
  ['1', 1],
  ['high', 1],
]);

/** `21.5 °C`, or `high` of a GPIO line. */
export function formatQuantity(value: number, unit: Unit): string {
  if (unit === 'level') return value === 0 ? 'low' : 'high';
  return `${Number(value.toPrecision(10))} ${unit}`;
}
