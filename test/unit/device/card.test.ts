import { describe, expect, test } from 'vitest';
import { bootFiles, readConfigTxt } from '../../../src/device/config-txt.ts';
import { cardSize } from '../../../src/device/overlay.ts';
import { bootPartition, readPartitionTable } from '../../../src/image/partition-table.ts';

/** The table of an image of rpi3-minimal: FAT32 at 4 MiB, Linux at 64 MiB. */
const table = [
  '00820300 0ce50807 00200000 00e00100',
  '00282b08 83973920 00000200 00000600',
  '00000000 00000000 00000000 00000000',
  '00000000 00000000 00000000 00000000',
];

describe('a partition table', () => {
  test('has the type, offset and size of each partition', () => {
    expect(readPartitionTable(sector(table))).toEqual([
      { number: 1, type: 0x0c, offset: 4 * MIB, size: 60 * MIB },
      { number: 2, type: 0x83, offset: 64 * MIB, size: 192 * MIB },
    ]);
  });

  test('is read where the sector lies in a larger buffer', () => {
    const buffer = Buffer.concat([Buffer.alloc(7), sector(table)]);
    expect(readPartitionTable(buffer.subarray(7))?.[0]?.offset).toBe(4 * MIB);
  });

  test('reaches to 2 TiB', () => {
    const [entry] = readPartitionTable(sector(['00000000 0c000000 ffffffff ffffffff'])) ?? [];
    expect(entry).toMatchObject({ offset: 0xffffffff * 512, size: 0xffffffff * 512 });
  });

  test('is none without its signature, or in too short a file', () => {
    const unsigned = sector(table);
    unsigned[511] = 0;
    expect(readPartitionTable(unsigned)).toBeUndefined();
    expect(readPartitionTable(Buffer.alloc(0))).toBeUndefined();
    expect(readPartitionTable(sector(table).subarray(0, 511))).toBeUndefined();
  });

  test('boots from its first FAT partition', () => {
    const [linux = '', fat = ''] = [table[1], table[0]];
    expect(bootPartition(readPartitionTable(sector([linux, fat])) ?? [])?.number).toBe(2);
    expect(bootPartition(readPartitionTable(sector([linux])) ?? [])).toBeUndefined();
  });
});

describe('config.txt', () => {
  const files = (text: string, filters = ['pi3']) => bootFiles(readConfigTxt(text, filters));

  test('names the files that are loaded; the last word counts', () => {
    const text = 'arm_64bit=1\r\nkernel=old.img\r\n# kernel=commented.img\r\nkernel = Image \r\ndevice_tree=a.dtb\r\n';
    expect(files(text)).toEqual({ kernel: 'Image', cmdline: 'cmdline.txt', deviceTree: 'a.dtb' });
  });

  test('leaves what it does not name to the firmware', () => {
    expect(files('')).toEqual({ kernel: 'kernel8.img', cmdline: 'cmdline.txt' });
    expect(files('device_tree=\n')).toEqual({ kernel: 'kernel8.img', cmdline: 'cmdline.txt' });
  });

  test('is read with the filters of the board', () => {
    const text =
      'kernel=all.img\n[pi4]\nkernel=four.img\n[Pi3]\nkernel=three.img\n[none]\nkernel=none.img\n[all]\ncmdline=c.txt\n';
    expect(files(text)).toMatchObject({ kernel: 'three.img', cmdline: 'c.txt' });
    expect(files(text, ['pi4'])).toMatchObject({ kernel: 'four.img', cmdline: 'c.txt' });
  });

  test('may name an initramfs, and a folder for all', () => {
    expect(files('os_prefix=v2/\ninitramfs initrd.gz followkernel\n')).toEqual({
      kernel: 'v2/kernel8.img',
      cmdline: 'v2/cmdline.txt',
      initramfs: 'v2/initrd.gz',
    });
  });
});

test('a card is the next power of two', () => {
  expect([1, 2 ** 20, 2 ** 28, 2 ** 28 + 1, 5e9].map(cardSize)).toEqual([2 ** 20, 2 ** 20, 2 ** 28, 2 ** 29, 2 ** 33]);
});

const MIB = 2 ** 20;

function sector(entries: readonly string[]): Buffer {
  const bytes = Buffer.alloc(512);
  for (const [index, entry] of entries.entries()) bytes.write(entry.replaceAll(' ', ''), 446 + 16 * index, 'hex');
  bytes.writeUInt16BE(0x55aa, 510);
  return bytes;
}
