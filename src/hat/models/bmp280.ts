import { bytesAt, maskOf, wordsAt } from '../bytes.ts';
import type {
  Calibration,
  ChipImage,
  ChipModel,
  ChipSettings,
  Quantity,
  Specimen,
  Values,
  Variables,
} from '../model.ts';
import { nearestInput } from '../search.ts';
import { fineTemperature, humidity, pascals, type Trimming } from './bosch.ts';

/** Bosch BMP280 and BME280: temperature, pressure and, of the second, humidity. */

const signed: Omit<Calibration, 'typical'> = { min: -32768, max: 32767 };
const unsigned: Omit<Calibration, 'typical'> = { min: 1, max: 65535 };

/** Those of the worked example in the data sheet (table 23), which come from a real chip. */
const calibration = {
  T1: { ...unsigned, typical: 27504 },
  T2: { ...signed, typical: 26435 },
  T3: { ...signed, typical: -1000 },
  P1: { ...unsigned, typical: 36477 },
  P2: { ...signed, typical: -10685 },
  P3: { ...signed, typical: 3024 },
  P4: { ...signed, typical: 2855 },
  P5: { ...signed, typical: 140 },
  P6: { ...signed, typical: -7 },
  P7: { ...signed, typical: 15500 },
  P8: { ...signed, typical: -14600 },
  P9: { ...signed, typical: 6000 },
};

/** Of a BME280 on a breakout board. */
const humidityCalibration = {
  H1: { min: 0, max: 255, typical: 75 },
  H2: { ...signed, typical: 362 },
  H3: { min: 0, max: 255, typical: 0 },
  H4: { min: -2048, max: 2047, typical: 313 },
  H5: { min: -2048, max: 2047, typical: 50 },
  H6: { min: -128, max: 127, typical: 30 },
};

const quantities: Record<'temperature' | 'pressure' | 'humidity', Quantity> = {
  temperature: { summary: 'air temperature', unit: '°C', min: -40, max: 85, resolution: 0.01, initial: 21 },
  pressure: { summary: 'air pressure', unit: 'hPa', min: 300, max: 1100, resolution: 0.0016, initial: 1013.25 },
  humidity: { summary: 'relative humidity', unit: '%', min: 0, max: 100, resolution: 0.008, initial: 45 },
};

const addresses = [0x76, 0x77];

export const bmp280: ChipModel = {
  name: 'bmp280',
  summary: 'Bosch BMP280, temperature and pressure',
  addresses,
  driver: 'bmp280',
  quantities: { temperature: quantities.temperature, pressure: quantities.pressure },
  calibration,
  twin: { image, variables, read },
};

export const bme280: ChipModel = {
  name: 'bme280',
  summary: 'Bosch BME280, temperature, pressure and humidity',
  addresses,
  driver: 'bme280',
  quantities,
  calibration: { ...calibration, ...humidityCalibration },
  twin: { image: imageWithHumidity, variables, read: readWithHumidity },
};

/** The variables that hold the raw codes. */
const [RAW_PRESSURE, RAW_TEMPERATURE, RAW_HUMIDITY] = [0, 1, 2];

/** What a channel gives that is not measured. */
const SKIPPED = 0x80000;

/** The raw codes that the compensation makes these values of. That of the pressure depends on the temperature's. */
function variables({ temperature, pressure, humidity: moisture }: Values, settings: ChipSettings): Variables {
  const trim = settings.calibration;
  const rawTemperature = nearestInput((raw) => fineTemperature(raw, trim) / 5120, temperature ?? 0, adc(20));
  const fine = fineTemperature(rawTemperature, trim);
  const rawPressure = nearestInput((raw) => pascals(raw, fine, trim), (pressure ?? 0) * 100, adc(20, true));
  const codes = new Map([
    [RAW_PRESSURE, rawPressure],
    [RAW_TEMPERATURE, rawTemperature],
  ]);
  if (moisture === undefined) return codes;
  return codes.set(
    RAW_HUMIDITY,
    nearestInput((raw) => humidity(raw, fine, trim), moisture, adc(16)),
  );
}

function adc(bits: number, falling = false): { low: number; high: number; falling: boolean } {
  return { low: 0, high: 2 ** bits - 1, falling };
}

function image({ calibration: trim }: ChipSettings): ChipImage {
  return {
    shape: {},
    registers: new Map([
      ...wordsAt(0x88, ...constantsOf(trim, 'T', 3), ...constantsOf(trim, 'P', 9)),
      [0xd0, 0x58],
      ...bytesAt(0xf7, 0x80, 0, 0, 0x80, 0, 0),
    ]),
    writable: new Map([...maskOf(0x00, 0xf3), [0xf5, 0xfd], ...maskOf(0xf6, 0xff)]),
    hooks: hooks(`store 0xf7 3 ${channel(RAW_PRESSURE, 0x1c)}`, 0xfc),
  };
}

/** The trimming constants in a dump, and what the raw codes in it come to. Undefined: it holds no constants. */
function read(registers: ReadonlyMap<number, number>): Specimen | undefined {
  const word = (register: number) => (registers.get(register) ?? 0) | ((registers.get(register + 1) ?? 0) << 8);
  const names = Object.keys(calibration);
  const trim = Object.fromEntries(
    names.map((name, index) => {
      const value = word(0x88 + 2 * index);
      return [name, /[TP]1/.test(name) ? value : (value << 16) >> 16];
    }),
  );
  // No chip has these, but a memory that is empty or cannot be read.
  if (!trim.T1 || !trim.P1 || (trim.T1 === 0xffff && trim.P1 === 0xffff)) return undefined;
  const raw = (register: number) => {
    const [high = 0, middle = 0, low = 0] = [0, 1, 2].map((offset) => registers.get(register + offset));
    return (high << 12) | (middle << 4) | (low >> 4);
  };
  const [rawPressure, rawTemperature] = [raw(0xf7), raw(0xfa)];
  if (rawTemperature === SKIPPED) return { calibration: trim, values: {} };
  const fine = fineTemperature(rawTemperature, trim);
  const temperature = fine / 5120;
  if (rawPressure === SKIPPED) return { calibration: trim, values: { temperature } };
  return { calibration: trim, values: { temperature, pressure: pascals(rawPressure, fine, trim) / 100 } };
}

function readWithHumidity(registers: ReadonlyMap<number, number>): Specimen | undefined {
  const base = read(registers);
  if (base === undefined) return undefined;
  const byte = (register: number) => registers.get(register) ?? 0;
  const signed = (value: number, bits: number) => (value << (32 - bits)) >> (32 - bits);
  const trim = {
    ...base.calibration,
    H1: byte(0xa1),
    H2: signed(byte(0xe1) | (byte(0xe2) << 8), 16),
    H3: byte(0xe3),
    H4: signed((byte(0xe4) << 4) | (byte(0xe5) & 0x0f), 12),
    H5: signed((byte(0xe6) << 4) | (byte(0xe5) >> 4), 12),
    H6: signed(byte(0xe7), 8),
  };
  const raw = (byte(0xfd) << 8) | byte(0xfe);
  const { temperature } = base.values;
  if (temperature === undefined || raw === 0x8000) return { calibration: trim, values: base.values };
  return {
    calibration: trim,
    values: { ...base.values, humidity: humidity(raw, Math.round(temperature * 5120), trim) },
  };
}

function imageWithHumidity(settings: ChipSettings): ChipImage {
  const trim = settings.calibration;
  const [H1 = 0, H2 = 0, H3 = 0, H4 = 0, H5 = 0, H6 = 0] = constantsOf(trim, 'H', 6);
  const base = image(settings);
  const moisture = `store 0xfd 2 v${RAW_HUMIDITY} r0xf2 7 & ! ! * 0x8000 r0xf2 7 & ! * +`;
  return {
    ...base,
    registers: new Map([
      ...base.registers,
      [0xa1, H1],
      ...wordsAt(0xe1, H2),
      ...bytesAt(0xe3, H3, H4 >> 4, (H4 & 0x0f) | (H5 << 4), H5 >> 4, H6),
      [0xd0, 0x60],
      ...bytesAt(0xfd, 0x80, 0),
    ]),
    writable: new Map([...base.writable, [0xf2, 0x07]]),
    hooks: hooks(`store 0xf7 3 ${channel(RAW_PRESSURE, 0x1c)} ; ${moisture}`, 0xfe),
  };
}

/**
 * Sleep, forced and normal mode (ctrl_meas, bits 1:0). The data registers keep what was measured last; in normal mode
 * they are as new as can be. A forced measurement ends after 5 ms, sooner than any driver expects, in sleep mode.
 */
function hooks(measurePressure: string, lastData: number): string[] {
  const measure = `${measurePressure} ; store 0xfa 3 ${channel(RAW_TEMPERATURE, 0xe0)}`;
  // Unless it was set to normal mode meanwhile.
  const sleep = '0xfc r0xf4 3 & 3 = 3 * |';
  return [
    'on write 0xe0 when w 0xb6 = do reset',
    'on write 0xf4 when w 3 & 1 = w 3 & 2 = | do set 0xf3 8',
    `on write 0xf4 when w 3 & 1 = w 3 & 2 = | after 5 do ${measure} ; set 0xf4 r0xf4 ${sleep} & ; set 0xf3 0`,
    `on read 0xf7-0x${lastData.toString(16)} when r0xf4 3 & 3 = do ${measure}`,
  ];
}

/** A raw code of 20 bits as it lies in three registers; what is not measured (no oversampling) says so. */
function channel(variable: number, oversampling: number): string {
  const skipped = `r0xf4 ${oversampling} & !`;
  return `v${variable} ${skipped} ! * ${SKIPPED} ${skipped} * + 4 <<`;
}

function constantsOf(trim: Trimming, letter: string, count: number): number[] {
  return Array.from({ length: count }, (_, index) => trim[`${letter}${index + 1}`] ?? 0);
}
