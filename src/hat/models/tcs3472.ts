import { maskOf } from '../bytes.ts';
import type { ChipImage, ChipModel, Values, Variables } from '../model.ts';

/**
 * ams TCS34725 (TCS3472 family): light and its colour. What it gives are counts of four channels, which a program turns
 * into lux and kelvin by the manufacturer's DN40 (no infrared, no glass):
 *
 *     lux = (0.136 R + 1.000 G - 0.444 B) * 310 / (milliseconds * gain)     kelvin = 3810 B / R + 1391
 *
 * Three channels from two values: green is taken halfway between red and blue. Clear is the sum of the three.
 */
export const tcs3472: ChipModel = {
  name: 'tcs3472',
  summary: 'ams TCS3472, light and its colour',
  addresses: [0x29],
  driver: 'tcs3472',
  quantities: {
    illuminance: { summary: 'brightness', unit: 'lux', min: 0, max: 10_000, resolution: 1, initial: 300 },
    colorTemperature: {
      summary: 'colour temperature of the light',
      unit: 'K',
      min: 2000,
      max: 12_000,
      resolution: 50,
      initial: 4500,
    },
  },
  twin: { image, variables },
};

/** Variables 0 to 3: clear, red, green, blue in millionths of a count for each cycle of 2.4 ms at gain 1. 8 to 11: gains. */
const GAINS = [1, 4, 16, 60];
const CYCLE_MS = 2.4;

function variables({ illuminance = 0, colorTemperature = 0 }: Values): Variables {
  const ratio = (colorTemperature - 1391) / 3810;
  const red = (illuminance * CYCLE_MS) / 310 / (0.636 + 0.056 * ratio);
  const blue = red * ratio;
  const green = (red + blue) / 2;
  return new Map([red + green + blue, red, green, blue].map((counts, index) => [index, Math.round(counts * 1e6)]));
}

function image(): ChipImage {
  return {
    // The address byte: bit 7 says that it is one, bits 6:5 whether it moves on, bits 4:0 the register.
    shape: { size: 32, pointerMask: 0x1f, increment: { mask: 0x60, value: 0x20 } },
    registers: new Map([
      [0x01, 0xff],
      [0x03, 0xff],
      [0x12, 0x44],
    ]),
    writable: new Map([[0x00, 0x1b], ...maskOf(0x10, 0x1f)]),
    constants: new Map(GAINS.map((gain, index) => [8 + index, gain])),
    hooks: [
      'on write 0x00 when w 3 & 3 = after 3 do set 0x13 r0x13 1 |',
      'on write 0x00 when w 3 & 3 != do set 0x13 r0x13 0xfe &',
      `on read 0x14-0x1b when r0x00 3 & 3 = do ${[0, 1, 2, 3].map(measure).join(' ; ')}`,
    ],
  };
}

/** Counts = rate * cycles * gain, at most 1024 for each cycle, and 65535. ATIME holds 256 - cycles, CONTROL the gain. */
function measure(channel: number): string {
  const cycles = '256 r0x01 -';
  const counts = `v${channel} ${cycles} * r0x0f 3 & 8 + v@ * 1000000 /`;
  return `store ${0x14 + 2 * channel} 2 little ${counts} ${cycles} 1024 * min 65535 min`;
}
