/**
 * The compensation of Bosch's pressure sensors, from their data sheets (BST-BMP280-DS001 3.11.3, BST-BME280-DS002 4.2.3):
 * the integer formulas, whose results the code of drivers has to the last digit.
 */

/** The trimming constants, by the data sheet's names without `dig_`. */
export type Trimming = Readonly<Record<string, number>>;

/** The fine temperature, 5120 to the degree, of a raw one of 20 bits. */
export function fineTemperature(raw: number, trim: Trimming): number {
  const { T1 = 0, T2 = 0, T3 = 0 } = trim;
  const linear = Math.floor((((raw >> 3) - (T1 << 1)) * T2) / 2048);
  const distance = (raw >> 4) - T1;
  const square = Math.floor((Math.floor((distance * distance) / 4096) * T3) / 16384);
  return linear + square;
}

/** Degrees Celsius, in hundredths as the formula gives them. */
export function celsius(fine: number): number {
  return ((fine * 5 + 128) >> 8) / 100;
}

/** Pascals, in 256ths as the 64-bit formula gives them; 0 where the constants divide by 0. */
export function pascals(raw: number, fine: number, trim: Trimming): number {
  const [P1, P2, P3, P4, P5, P6, P7, P8, P9] = constants(trim, 'P', 9);
  const temperature = BigInt(fine) - 128_000n;
  const offset = temperature * temperature * P6 + ((temperature * P5) << 17n) + (P4 << 35n);
  const slope = ((temperature * temperature * P3) >> 8n) + ((temperature * P2) << 12n);
  const divisor = (((1n << 47n) + slope) * P1) >> 33n;
  if (divisor === 0n) return 0;
  const linear = ((((1_048_576n - BigInt(raw)) << 31n) - offset) * 3125n) / divisor;
  const square = (P9 * (linear >> 13n) * (linear >> 13n)) >> 25n;
  return Number(((linear + square + ((P8 * linear) >> 19n)) >> 8n) + (P7 << 4n)) / 256;
}

/** Percent of relative humidity, in 1024ths. */
export function humidity(raw: number, fine: number, trim: Trimming): number {
  const [H1, H2, H3, H4, H5, H6] = constants(trim, 'H', 6);
  const temperature = BigInt(fine) - 76_800n;
  const signal = ((BigInt(raw) << 14n) - (H4 << 20n) - H5 * temperature + 16_384n) >> 15n;
  const inner = (((temperature * H6) >> 10n) * (((temperature * H3) >> 11n) + 32_768n)) >> 10n;
  const linear = signal * (((inner + 2_097_152n) * H2 + 8192n) >> 14n);
  const curved = linear - (((((linear >> 15n) * (linear >> 15n)) >> 7n) * H1) >> 4n);
  const limited = curved < 0n ? 0n : curved > 419_430_400n ? 419_430_400n : curved;
  return Number(limited >> 12n) / 1024;
}

function constants<const N extends number>(trim: Trimming, letter: string, count: N): Tuple<N> {
  return Array.from({ length: count }, (_, index) => BigInt(trim[`${letter}${index + 1}`] ?? 0)) as unknown as Tuple<N>;
}

type Tuple<N extends number, Found extends readonly bigint[] = []> = Found['length'] extends N
  ? Found
  : Tuple<N, readonly [...Found, bigint]>;
