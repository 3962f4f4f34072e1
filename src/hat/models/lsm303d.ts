import { maskOf } from '../bytes.ts';
import type { ChipImage, ChipModel, Quantity, Values, Variables } from '../model.ts';

/** ST LSM303D: acceleration and magnetic field along three axes, and its own temperature. */
const acceleration: Quantity = { summary: '', unit: 'g', min: -16, max: 16, resolution: 0.000061, initial: 0 };
const field: Quantity = { summary: '', unit: 'gauss', min: -12, max: 12, resolution: 0.00016, initial: 0 };

export const lsm303d: ChipModel = {
  name: 'lsm303d',
  summary: 'ST LSM303D, acceleration and magnetic field',
  addresses: [0x1d, 0x1e],
  quantities: {
    accelerationX: { ...acceleration, summary: 'acceleration along X' },
    accelerationY: { ...acceleration, summary: 'acceleration along Y' },
    accelerationZ: { ...acceleration, summary: 'acceleration along Z, 1 g lying flat', initial: 1 },
    magneticX: { ...field, summary: 'magnetic field along X', initial: 0.2 },
    magneticY: { ...field, summary: 'magnetic field along Y' },
    magneticZ: { ...field, summary: 'magnetic field along Z', initial: -0.45 },
    temperature: {
      summary: 'of the chip itself (25 °C where it reads 0, as the data sheet does not say)',
      unit: '°C',
      min: -40,
      max: 85,
      resolution: 0.125,
      initial: 25,
    },
  },
  twin: { image, variables },
};

/** Variables 0 to 2: acceleration in µg, 3 to 5: field in µgauss, 6: temperature in m°C; 8 to 15, 16 to 19: sensitivities. */
const AXES = ['accelerationX', 'accelerationY', 'accelerationZ', 'magneticX', 'magneticY', 'magneticZ'];
/** µg for each step, by the full scale AFS (CTRL2, bits 5:3); data sheet, table 3. */
const ACCELERATION = [61, 122, 183, 244, 732, 732, 732, 732];
/** µgauss for each step, by the full scale MFS (CTRL6, bits 6:5). */
const FIELD = [80, 160, 320, 479];

function variables(values: Values): Variables {
  const axes = AXES.map((axis, index): [number, number] => [index, Math.round((values[axis] ?? 0) * 1e6)]);
  return new Map([...axes, [6, Math.round((values.temperature ?? 0) * 1000)]]);
}

function image(): ChipImage {
  return {
    shape: { size: 128, pointerMask: 0x7f, increment: { mask: 0x80, value: 0x80 } },
    registers: new Map([
      [0x0f, 0x49],
      [0x12, 0xe8],
      [0x20, 0x07],
      [0x24, 0x18],
      [0x25, 0x20],
      [0x26, 0x01],
    ]),
    writable: new Map([
      ...maskOf(0x00, 0x11),
      ...maskOf(0x13, 0x13),
      ...maskOf(0x27, 0x2d),
      ...maskOf(0x2f, 0x2f),
      ...maskOf(0x40, 0x7f),
    ]),
    constants: new Map([...ACCELERATION, ...FIELD].map((value, index) => [8 + index, value])),
    hooks: [
      // AODR (CTRL1) 0 is power-down; so is MD (CTRL7) 2 or 3.
      `on read 0x27-0x2d when r0x20 0xf0 & do set 0x27 0x0f ; ${three(0x28, 0, 'r0x21 3 >> 7 & 8 + v@')}`,
      `on read 0x07-0x0d when r0x26 2 & ! do set 0x07 0x0f ; ${three(0x08, 3, 'r0x25 5 >> 3 & 16 + v@')}`,
      // 8 steps a degree.
      'on read 0x05-0x06 when r0x24 0x80 & do store 0x05 2 little v6 25000 - 8 * 1000 /',
    ],
  };
}

function three(register: number, variable: number, sensitivity: string): string {
  return [0, 1, 2]
    .map((axis) => `store ${register + 2 * axis} 2 little v${variable + axis} ${sensitivity} / -32768 max 32767 min`)
    .join(' ; ');
}
