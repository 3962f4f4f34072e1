import type { ChipImage, ChipModel, Values, Variables } from '../model.ts';

/** LM75 and TMP105: a thermometer of four registers; TI's has up to 12 bits where the first has 9. */
const temperature = { summary: 'temperature', unit: '°C', min: -55, max: 125, initial: 21 } as const;

export const lm75: ChipModel = {
  name: 'lm75',
  summary: 'LM75, temperature',
  addresses: [0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f],
  driver: 'lm75',
  quantities: { temperature: { ...temperature, resolution: 0.5 } },
  twin: { image: () => image('0x7f ~'), variables },
};

export const tmp105: ChipModel = {
  name: 'tmp105',
  summary: 'TI TMP105, temperature',
  addresses: [0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f],
  driver: 'tmp105',
  // 0.0625 with 12 bits, which a program has to ask for: 0.5 at power-on.
  quantities: { temperature: { ...temperature, resolution: 0.5 } },
  // R1, R0 in the configuration: 9 to 12 bits.
  twin: { image: () => image('0x7f r1 13 >> 3 & >> ~'), variables },
  qemu: { device: 'tmp105', quantities: { temperature: { property: 'temperature', factor: 1000 } } },
};

/** Variable 0: 256ths of a degree. */
function variables({ temperature: value = 0 }: Values): Variables {
  return new Map([[0, Math.round(value * 256)]]);
}

/** `mask` keeps the bits that there are. The configuration is one byte, the first of its register. */
function image(mask: string): ChipImage {
  return {
    shape: { valueBits: 16, size: 4, pointerMask: 0x03, increment: 'never' },
    registers: new Map([
      [2, 0x4b00],
      [3, 0x5000],
    ]),
    writable: new Map([
      [0, 0],
      [1, 0xff00],
    ]),
    hooks: [
      `on read 0 when r1 0x100 & ! do set 0 v0 ${mask} &`,
      // One shot, while shut down: it reads 0 again.
      `on write 1 when r1 0x8100 & 0x8100 = do set 0 v0 ${mask} & ; set 1 r1 0x7fff &`,
    ],
  };
}
