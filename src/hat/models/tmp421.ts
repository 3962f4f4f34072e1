import type { ChipModel } from '../model.ts';

/** TI TMP421: its own temperature and that of a diode. QEMU's alone. */
export const tmp421: ChipModel = {
  name: 'tmp421',
  summary: 'TI TMP421, two temperatures (QEMU only)',
  addresses: [0x4c, 0x4d, 0x4e, 0x4f, 0x1c, 0x1d, 0x1e, 0x1f, 0x2a],
  driver: 'tmp421',
  quantities: {
    temperature: { summary: 'of the chip', unit: '°C', min: -40, max: 127, resolution: 0.0625, initial: 21 },
    remoteTemperature: { summary: 'of the diode', unit: '°C', min: -40, max: 127, resolution: 0.0625, initial: 21 },
  },
  qemu: {
    device: 'tmp421',
    quantities: {
      temperature: { property: 'temperature0', factor: 1000 },
      remoteTemperature: { property: 'temperature1', factor: 1000 },
    },
  },
};
