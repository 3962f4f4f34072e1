import { maskOf } from '../bytes.ts';
import type { ChipImage, ChipModel, Values, Variables } from '../model.ts';

/**
 * Lite-On LTR-559: light and proximity. The two light channels become lux by the formula of its appendix; the twin's light
 * is one third infrared, where it reads lux = (1.7743 ch0 + 1.1059 ch1) / (gain * integration / 100 ms).
 */
export const ltr559: ChipModel = {
  name: 'ltr559',
  summary: 'Lite-On LTR-559, light and proximity',
  addresses: [0x23],
  driver: 'ltr559',
  quantities: {
    illuminance: { summary: 'brightness', unit: 'lux', min: 0, max: 64_000, resolution: 1, initial: 300 },
    proximity: {
      summary: 'reflected light: how near something is',
      unit: 'count',
      min: 0,
      max: 2047,
      resolution: 1,
      initial: 0,
    },
  },
  twin: { image, variables },
};

/** Variables 0, 1: the light channels in thousandths of a count at gain 1 and 100 ms; 2: proximity; 8 to 23: tables. */
const GAINS = [1, 2, 4, 8, 1, 1, 48, 96];
/** Milliseconds, by the bits of ALS_MEAS_RATE. */
const INTEGRATION = [100, 50, 200, 400, 150, 250, 300, 350];

function variables({ illuminance = 0, proximity = 0 }: Values): Variables {
  const visible = illuminance / (1.7743 + 1.1059 / 2);
  return new Map([
    [0, Math.round(visible * 1000)],
    [1, Math.round((visible / 2) * 1000)],
    [2, Math.round(proximity)],
  ]);
}

function image(): ChipImage {
  return {
    shape: {},
    registers: new Map([
      [0x82, 0x7f],
      [0x83, 0x01],
      [0x84, 0x02],
      [0x85, 0x03],
      [0x86, 0x92],
      [0x87, 0x05],
      [0x90, 0xff],
      [0x91, 0x07],
      [0x97, 0xff],
      [0x98, 0xff],
    ]),
    writable: new Map([...maskOf(0x00, 0x7f), [0x80, 0x1f], ...maskOf(0x86, 0x8e), ...maskOf(0x9f, 0xff)]),
    constants: new Map([...GAINS, ...INTEGRATION].map((value, index) => [8 + index, value])),
    hooks: [
      'on write 0x80 when w 2 & do reset',
      `on read 0x88-0x8c when r0x80 1 & do store 0x88 2 little ${light(1)} ; store 0x8a 2 little ${light(0)} ; set 0x8c r0x8c 4 |`,
      'on read 0x8c-0x8e when r0x81 2 & do store 0x8d 2 little v2 ; set 0x8c r0x8c 1 |',
    ],
  };
}

function light(channel: number): string {
  const gain = 'r0x80 2 >> 7 & 8 + v@';
  const integration = 'r0x85 3 >> 7 & 16 + v@';
  return `v${channel} ${gain} * ${integration} * 100000 / 65535 min`;
}
