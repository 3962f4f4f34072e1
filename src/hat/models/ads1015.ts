import type { ChipImage, ChipModel, Quantity, Values, Variables } from '../model.ts';

/** TI ADS1015: four voltages, 12 bits. */
const input: Quantity = { summary: '', unit: 'V', min: -0.3, max: 5.5, resolution: 0.003, initial: 0 };

export const ads1015: ChipModel = {
  name: 'ads1015',
  summary: 'TI ADS1015, four voltages',
  addresses: [0x48, 0x49, 0x4a, 0x4b],
  driver: 'ads1015',
  quantities: Object.fromEntries(
    [0, 1, 2, 3].map((index) => [`a${index}`, { ...input, summary: `voltage at AIN${index}` }]),
  ),
  twin: { image, variables },
};

/** Variables 0 to 3: the inputs in µV; 4: ground. 8, 16: which of them MUX takes as the positive and the negative one. */
const POSITIVE = [0, 0, 1, 2, 0, 1, 2, 3];
const NEGATIVE = [1, 3, 3, 3, 4, 4, 4, 4];
/** 24: the full scale in µV, by PGA. */
const FULL_SCALE = [6_144_000, 4_096_000, 2_048_000, 1_024_000, 512_000, 256_000, 256_000, 256_000];

function variables(values: Values): Variables {
  return new Map([0, 1, 2, 3].map((index) => [index, Math.round((values[`a${index}`] ?? 0) * 1e6)]));
}

function image(): ChipImage {
  const config = { start: 'w 15 >>', continuous: 'r1 0x100 & !', slow: 'r1 0xe0 & 0xa0 <' };
  return {
    shape: { valueBits: 16, size: 4, increment: 'never' },
    registers: new Map([
      [1, 0x8583],
      [2, 0x8000],
      [3, 0x7fff],
    ]),
    writable: new Map([[0, 0]]),
    constants: new Map([...POSITIVE, ...NEGATIVE, ...FULL_SCALE].map((value, index) => [8 + index, value])),
    hooks: [
      // OS reads 0 while it converts: at 1600 samples a second and fewer for 1 ms, which no driver waits less for.
      'on write 1 do set 1 r1 0x8000 |',
      `on write 1 when ${config.start} ${config.slow} & do set 1 r1 0x7fff &`,
      `on write 1 when ${config.start} ${config.slow} & after 1 do set 0 ${convert} ; set 1 r1 0x8000 |`,
      `on write 1 when ${config.start} ${config.slow} ! & do set 0 ${convert}`,
      `on read 0 when ${config.continuous} do set 0 ${convert}`,
    ],
  };
}

const mux = 'r1 12 >> 7 &';
/** 12 bits with sign, in the upper bits of the register. */
const convert = `${mux} 8 + v@ v@ ${mux} 16 + v@ v@ - 2048 * r1 9 >> 7 & 24 + v@ / -2048 max 2047 min 4 <<`;
