import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Disk,
  describeUse,
  deviceNumber,
  type KernelView,
  listDisks,
  objection,
  partitionsSeen,
} from '../../../src/device/block-device.ts';
import { folderOf } from '../../helpers/recipes.ts';

/** What the kernel shows of a laptop with a card in its slot, another in a reader, and LVM on its own disk. */
function laptop(mounts: readonly string[] = []): KernelView {
  const root = folderOf({});
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  };
  const disk = (name: string, folder: string, files: Record<string, string>): void => {
    for (const [file, text] of Object.entries(files)) put(`sys/devices/${folder}/block/${name}/${file}`, text);
    mkdirSync(join(root, 'sys/block'), { recursive: true });
    symlinkSync(`../devices/${folder}/block/${name}`, join(root, 'sys/block', name));
  };
  const reader = 'pci0000:00/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0';
  put('sys/devices/pci0000:00/usb2/2-1/idVendor', '0781');
  put('sys/devices/pci0000:00/usb2/2-1/serial', '4C53-0001');
  disk('sdb', reader, {
    dev: '8:16',
    size: '62333952',
    removable: '1',
    ro: '0',
    'device/vendor': 'SanDisk',
    'device/model': 'Ultra',
    'sdb2/partition': '2',
    'sdb2/dev': '8:18',
    'sdb2/start': '131072',
    'sdb2/size': '393216',
    'sdb1/partition': '1',
    'sdb1/dev': '8:17',
    'sdb1/start': '8192',
    'sdb1/size': '122880',
  });
  disk('mmcblk0', 'pci0000:00/mmc_host/mmc0/mmc0:aaaa', {
    dev: '179:0',
    size: '0',
    removable: '0',
    'device/type': 'SD',
    'device/name': 'SC16G',
    'device/serial': '0x1234',
  });
  disk('mmcblk1', 'pci0000:00/mmc_host/mmc1/mmc1:0001', { size: '1000', removable: '0', 'device/type': 'MMC' });
  disk('mmcblk1boot0', 'pci0000:00/mmc_host/mmc1/mmc1:0001', { size: '8', removable: '0' });
  disk('nvme0n1', 'pci0000:00/nvme/nvme0', {
    dev: '259:0',
    size: '1000215216',
    removable: '0',
    'device/model': 'Fast 500',
    'nvme0n1p1/partition': '1',
    'nvme0n1p1/dev': '259:1',
    'nvme0n1p1/holders/dm-0/x': '',
  });
  disk('dm-0', 'virtual', { dev: '253:0', size: '5' });
  disk('loop0', 'virtual', { dev: '7:0', size: '5' });
  put('proc/self/mountinfo', ['22 1 253:0 / / rw shared:1 - ext4 /dev/mapper/vg-root rw', ...mounts].join('\n'));
  put('proc/swaps', 'Filename Type Size Used Priority');
  return { sys: join(root, 'sys'), proc: join(root, 'proc') };
}

const onCard = String.raw`40 22 8:17 / /media/my\040card rw - vfat /dev/sdb1 rw`;

async function diskOf(name: string, view: KernelView): Promise<Disk> {
  const disk = (await listDisks(view)).find((each) => each.name === name);
  if (disk === undefined) throw new Error(`no ${name}`);
  return disk;
}

const card: Disk = {
  name: 'sdx',
  path: '/dev/sdx',
  size: 1_000_000,
  sector: 512,
  model: 'Card',
  bus: 'usb',
  removable: true,
  readOnly: false,
  uses: [],
};
const codeOf = (disk: Disk, needed = 0, force = false) => objection(disk, needed, force)?.code;

describe('the disks of a machine', () => {
  test('are those that a card image could be meant for, each with what it says of itself', async () => {
    const disks = await listDisks(laptop());
    expect(disks.map(({ name, removable }) => [name, removable])).toEqual([
      ['mmcblk0', true],
      ['mmcblk1', false],
      ['nvme0n1', false],
      ['sdb', true],
    ]);
    expect(disks.at(-1)).toMatchObject({
      path: '/dev/sdb',
      size: 62333952 * 512,
      model: 'SanDisk Ultra',
      serial: '4C53-0001',
      bus: 'usb',
      uses: [],
    });
    expect(disks[0]).toMatchObject({ size: 0, model: 'SC16G', serial: '0x1234', bus: 'mmc' });
  });

  test('show where their partitions are, in the order of their numbers', async () => {
    const view = laptop();
    expect(await partitionsSeen(await diskOf('sdb', view), view)).toEqual([
      { number: 1, offset: 4194304, size: 62914560 },
      { number: 2, offset: 67108864, size: 201326592 },
    ]);
  });

  test('are known to be mounted, also where the path has spaces', async () => {
    const disk = await diskOf('sdb', laptop([onCard]));
    expect(disk.uses.map(describeUse)).toEqual(['/dev/sdb1 is mounted on /media/my card']);
    expect(objection(disk, 0, true)).toMatchObject({
      code: 'flash/mounted',
      hint: "unmount it first: umount '/media/my card'",
    });
  });

  test('are the system’s when it runs from what is made of them', async () => {
    const disk = await diskOf('nvme0n1', laptop());
    expect(disk.uses.map(describeUse)).toEqual(['/dev/nvme0n1p1 is part of /dev/dm-0', '/dev/dm-0 is mounted on /']);
    expect(codeOf(disk, 0, true)).toBe('flash/system-disk');
  });
});

describe('a disk is refused', () => {
  test('when it is built in, unless that is meant', () => {
    expect(codeOf({ ...card, removable: false })).toBe('flash/built-in');
    expect(codeOf({ ...card, removable: false }, 0, true)).toBeUndefined();
  });

  test('when it is too small, by how much', () => {
    expect(objection(card, 1_000_512, false)?.message).toBe(
      '/dev/sdx is too small: the image has 1000512 bytes, it has 1000000, 512 less',
    );
    expect(codeOf(card, 1_000_000)).toBeUndefined();
  });

  test('when it is swap space or part of another disk, even by force', () => {
    expect(codeOf({ ...card, uses: [{ name: 'sdx1', kind: 'swap', where: '' }] }, 0, true)).toBe('flash/system-disk');
    expect(codeOf({ ...card, uses: [{ name: 'sdx1', kind: 'holder', where: 'md0' }] }, 0, true)).toBe('flash/in-use');
  });

  test('when nothing can be written to it', () => {
    expect(codeOf({ ...card, size: 0 })).toBe('flash/no-card');
    expect(codeOf({ ...card, readOnly: true })).toBe('flash/read-only');
    expect(codeOf({ ...card, sector: 4096 })).toBe('flash/sector-size');
  });
});

test('the numbers of a device are taken out of where Linux packs them', () => {
  expect([0x0810, 0x10300, 0x100b3fe].map(deviceNumber)).toEqual(['8:16', '259:0', '179:4350']);
});
