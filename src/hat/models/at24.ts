import type { ChipImage, ChipModel, ChipSettings } from '../model.ts';

/** 24Cxx: I2C EEPROMs from 256 bytes on. Up to 2 KiB the upper bits of an address are part of the I2C address. */
export const at24: ChipModel = {
  name: 'at24',
  summary: '24Cxx, an EEPROM',
  addresses: [0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
  driver: '24c',
  quantities: {},
  sizes: [4096, 256, 512, 1024, 2048, 8192, 16_384, 32_768, 65_536],
  twin: { image, variables: () => new Map() },
  qemu: {
    device: 'at24c-eeprom',
    properties: ({ size }) => ({ 'rom-size': size }),
    quantities: {},
  },
};

function image({ size }: ChipSettings): ChipImage {
  const small = size <= 2048;
  return {
    shape: {
      addressBits: small ? 8 : 16,
      ...(small && { addresses: size / 256 }),
      size,
      writePage: pageOf(size),
      writeCycle: 5,
    },
    fill: 0xff,
    registers: new Map(),
    writable: new Map(),
    hooks: [],
  };
}

/** Bytes that one write can hold, as Microchip's and ST's have them. */
function pageOf(size: number): number {
  if (size <= 256) return 8;
  if (size <= 2048) return 16;
  if (size <= 8192) return 32;
  return size <= 32_768 ? 64 : 128;
}
