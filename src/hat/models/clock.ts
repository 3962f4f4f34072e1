import { maskOf } from '../bytes.ts';
import type { ChipImage, ChipModel, Values, Variables } from '../model.ts';

/** Maxim's clocks: they go with the system's time and can be set. */

export const ds1338: ChipModel = {
  name: 'ds1338',
  summary: 'Maxim DS1338, a clock with memory',
  addresses: [0x68],
  driver: 'ds1338',
  quantities: {},
  twin: { image: () => image(64, [[0x07, 0x93]], []), variables: () => new Map() },
  qemu: { device: 'ds1338', quantities: {} },
};

export const ds3231: ChipModel = {
  name: 'ds3231',
  summary: 'Maxim DS3231, a clock with a thermometer',
  addresses: [0x68],
  driver: 'ds3231',
  quantities: {
    temperature: { summary: 'of its crystal', unit: '°C', min: -40, max: 85, resolution: 0.25, initial: 21 },
  },
  twin: {
    // Control and status as after a start with a good battery: the oscillator never stopped.
    image: () =>
      image(
        19,
        [
          [0x0e, 0x1c],
          [0x0f, 0x08],
        ],
        [[0x0f, 0x88], ...maskOf(0x11, 0x12)],
        [
          'on read 0x11-0x12 do store 0x11 2 v0 0xffc0 &',
          // CONV: a temperature taken at once.
          'on write 0x0e when w 0x20 & after 200 do set 0x0e r0x0e 0xdf &',
        ],
      ),
    variables,
  },
};

/** Variable 0: 256ths of a degree. */
function variables({ temperature = 0 }: Values): Variables {
  return new Map([[0, Math.round(temperature * 4) * 64]]);
}

function image(
  size: number,
  registers: readonly [number, number][],
  writable: readonly [number, number][],
  hooks: readonly string[] = [],
): ChipImage {
  return {
    shape: { size },
    registers: new Map(registers),
    writable: new Map(writable),
    // A read begins with a write of the register's address: this is when the real ones hold the time still, too.
    hooks: ['on select 0x00-0x06 do clock-read 0x00', 'on write 0x00-0x06 do clock-write 0x00', ...hooks],
  };
}
