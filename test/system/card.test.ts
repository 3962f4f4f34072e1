import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCard } from '../../src/device/card.ts';
import { openCardImage } from '../../src/device/card-image.ts';
import { verifyCard, writeCard } from '../../src/device/card-writer.ts';
import { findBootFile } from '../../src/device/fat-file.ts';
import { findMachine } from '../../src/device/machine.ts';
import { keptOverlay, makeOverlay, writeOverlay } from '../../src/device/overlay.ts';
import { identityPatches, patchedImage } from '../../src/device/personal-image.ts';
import { type DeviceTools, deviceSandbox, INSIDE, runTool } from '../../src/device/tools.ts';
import { blankIdentity } from '../../src/image/card-identity.ts';
import { folderOf } from '../helpers/recipes.ts';
import { buildWith, toolsOf } from '../helpers/tools.ts';

const MIB = 2 ** 20;
const signal = new AbortController().signal;
const machine = findMachine('raspi3b');
const scratch = mkdtempSync(join(tmpdir(), 'pibuild-card-'));
let tools: DeviceTools;

beforeAll(async () => {
  const [bubblewrap, image, emulator] = ['tools/bootstrap', 'tools/image', 'tools/emulator'];
  const tree = async (name: string) => {
    const { output } = await buildWith([name], (provides) => ({ tasks: [], target: toolsOf(provides(name)).task }));
    return output(`${name}:unpack`, 'tree');
  };
  tools = { bubblewrap: await tree(bubblewrap), image: await tree(image), emulator: await tree(emulator) };
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** A card image whose FAT partition, at 1 MiB, holds these files. */
async function cardWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = folderOf(files);
  const image = join(folder, 'card.img');
  partitioned(image, 0x0c);
  const sandbox = deviceSandbox(tools, 'image', [{ source: folder, target: INSIDE, writable: true }]);
  const at = `${INSIDE}/card.img@@${MIB}`;
  await runTool(sandbox, ['mformat', '-i', at, '-T', String((3 * MIB) / 512), '::'], signal);
  const parents = Object.keys(files).flatMap((path) => path.split('/').slice(0, -1));
  for (const parent of new Set(parents)) await runTool(sandbox, ['mmd', '-i', at, `::${parent}`], signal);
  for (const path of Object.keys(files)) {
    await runTool(sandbox, ['mcopy', '-i', at, `${INSIDE}/${path}`, `::${path}`], signal);
  }
  return image;
}

/** 4 MiB with one partition, from 1 MiB to the end. */
function partitioned(path: string, type: number): void {
  const sector = Buffer.alloc(512);
  sector[446 + 4] = type;
  sector.writeUInt32LE(MIB / 512, 446 + 8);
  sector.writeUInt32LE((3 * MIB) / 512, 446 + 12);
  sector.writeUInt16BE(0x55aa, 510);
  const file = openSync(path, 'w');
  writeSync(file, sector);
  ftruncateSync(file, 4 * MIB);
  closeSync(file);
}

async function read(image: string, deviceTree?: string) {
  const folder = mkdtempSync(join(scratch, 'boot-'));
  const card = await readCard(image, machine, deviceTree, { tools, signal, folder });
  const text = (path: string | undefined) => path && readFileSync(path, 'utf8');
  return {
    kernel: text(card.kernel),
    deviceTree: text(card.deviceTree),
    initramfs: text(card.initramfs),
    cmdline: card.cmdline,
  };
}

describe('a card', () => {
  const files = {
    'config.txt': 'kernel=Image\n[pi4]\nkernel=other\n',
    'cmdline.txt': 'console=ttyS1,115200 rootwait  \nnot this line\n',
    Image: 'the kernel',
    'bcm2837-rpi-3-b.dtb': 'mainline',
    'other.dtb': 'another',
  };

  test('gives what the firmware would load', async () => {
    expect(await read(await cardWith(files))).toEqual({
      kernel: 'the kernel',
      deviceTree: 'mainline',
      initramfs: undefined,
      cmdline: 'console=ttyS1,115200 rootwait',
    });
  });

  test('may name another device tree; the board has the last word', async () => {
    const image = await cardWith({ ...files, 'config.txt': 'kernel=Image\ndevice_tree=other.dtb\n' });
    expect(await read(image)).toMatchObject({ deviceTree: 'another' });
    expect(await read(image, 'broadcom/bcm2837-rpi-3-b')).toMatchObject({ deviceTree: 'mainline' });
  });

  test('may keep it all in a folder, with an initramfs', async () => {
    const image = await cardWith({
      'config.txt': 'os_prefix=v2/\ninitramfs initrd.gz followkernel\ndevice_tree=pi.dtb\n',
      'v2/kernel8.img': 'second kernel',
      'v2/initrd.gz': 'initramfs',
      'v2/pi.dtb': 'tree',
    });
    expect(await read(image)).toEqual({
      kernel: 'second kernel',
      deviceTree: 'tree',
      initramfs: 'initramfs',
      cmdline: '',
    });
  });

  test.each([
    [{ 'cmdline.txt': '' }, 'its boot partition has no config.txt'],
    [{ 'config.txt': 'kernel=Image\n' }, "its boot partition has no kernel 'Image'"],
    [{ 'config.txt': '', 'kernel8.img': '' }, "has no device tree 'bcm2837-rpi-3-b.dtb' or 'bcm2710-rpi-3-b.dtb'"],
    [
      { 'config.txt': 'initramfs initrd.gz\n', 'kernel8.img': '', 'bcm2837-rpi-3-b.dtb': '' },
      "its boot partition has no 'initrd.gz'",
    ],
  ])('with %j alone boots nothing', async (some, message) => {
    await expect(read(await cardWith(some))).rejects.toThrow(message);
  });

  test('is none without a FAT partition, a partition table, or a filesystem', async () => {
    const linux = join(scratch, 'linux.img');
    partitioned(linux, 0x83);
    await expect(read(linux)).rejects.toThrow('it has no FAT partition');
    const noise = join(scratch, 'noise.img');
    writeFileSync(noise, 'no image');
    await expect(read(noise)).rejects.toThrow('it has no partition table');
    const empty = join(scratch, 'empty.img');
    partitioned(empty, 0x0c);
    await expect(read(empty)).rejects.toThrow('mcopy failed');
  });
});

describe('an identity', () => {
  const work = { signal, onProgress: () => {} };
  const files = { 'config.txt': '', 'identity.txt': blankIdentity(['hostname', 'ssh-key']) };
  const identity = { hostname: 'pi-07', sshKeys: ['ssh-ed25519 AAAA'] };

  async function identityOn(card: string): Promise<string> {
    const extents = (await findBootFile(card, 'identity.txt')) ?? [];
    const bytes = readFileSync(card);
    return Buffer.concat(extents.map(({ at, length }) => bytes.subarray(at, at + length))).toString();
  }

  test('is on the card that is written, which is verified with it; the image stays as it is', async () => {
    const image = await cardWith(files);
    const before = readFileSync(image);
    const plain = await openCardImage(image, signal, work.onProgress);
    const personal = await patchedImage(plain, await identityPatches(image, identity), signal);
    const target = { kind: 'file' as const, path: join(scratch, 'personal.img') };
    await (await writeCard(personal, target, work))();
    await verifyCard(personal, target, work);
    await expect(verifyCard(plain, target, work)).rejects.toThrow('does not hold the image');
    expect(readFileSync(image).equals(before)).toBe(true);
    const folder = folderOf({});
    const binds = [
      { source: target.path, target: `${INSIDE}/card.img` },
      { source: folder, target: `${INSIDE}/out`, writable: true },
    ];
    const copy = ['mcopy', '-i', `${INSIDE}/card.img@@${MIB}`, '::identity.txt', `${INSIDE}/out/identity.txt`];
    await runTool(deviceSandbox(tools, 'image', binds), copy, signal);
    const text = readFileSync(join(folder, 'identity.txt'), 'utf8');
    expect(text).toMatch(/^hostname=pi-07\nssh-key=ssh-ed25519 AAAA\n\n/m);
    expect(await identityOn(target.path)).toBe(text);
  });

  test('is on the card of an emulated board alone', async () => {
    const image = await cardWith(files);
    const folder = folderOf({});
    const overlay = await makeOverlay(image, join(folder, 'card.qcow2'), { tools, signal });
    await writeOverlay(image, overlay, await identityPatches(image, identity), { tools, signal, folder });
    const binds = [
      { source: image, target: `${INSIDE}/card.img` },
      { source: folder, target: `${INSIDE}/overlay`, writable: true },
    ];
    const convert = ['qemu-img', 'convert', '-O', 'raw', `${INSIDE}/overlay/card.qcow2`, `${INSIDE}/overlay/flat.img`];
    await runTool(deviceSandbox(tools, 'emulator', binds), convert, signal);
    expect(await identityOn(join(folder, 'flat.img'))).toContain('\nhostname=pi-07\n');
    expect(await identityOn(image)).not.toContain('\nhostname=pi-07\n');
  });

  test('needs an image that reads one', async () => {
    await expect(identityPatches(await cardWith({ 'config.txt': '' }), identity)).rejects.toThrow(
      'has no identity.txt',
    );
  });
});

describe('an overlay', () => {
  test('is as large as a card is, and needs no room', async () => {
    const image = join(scratch, 'odd.img');
    writeFileSync(image, Buffer.alloc(5 * MIB + 512));
    const { path } = await makeOverlay(image, join(scratch, 'odd.qcow2'), { tools, signal });
    const header = readFileSync(path);
    // Source: QEMU's docs/interop/qcow2.txt: the magic, and the virtual size at byte 24, big endian.
    expect(header.subarray(0, 4).toString('latin1')).toBe('QFI\xfb');
    expect(header.readBigUInt64BE(24)).toBe(BigInt(8 * MIB));
    expect(header.length).toBeLessThan(MIB);
  });

  test('may be a larger card, of a size that there is', async () => {
    const image = join(scratch, 'small.img');
    writeFileSync(image, Buffer.alloc(3 * MIB));
    const path = join(scratch, 'large.qcow2');
    const of = (size: number) => makeOverlay(image, path, { tools, signal }, size);
    await of(16 * MIB);
    expect(readFileSync(path).readBigUInt64BE(24)).toBe(BigInt(16 * MIB));
    await expect(of(12 * MIB)).rejects.toThrow('no emulated card has 12M');
    await expect(of(2 * MIB)).rejects.toThrow('the image small.img has 3M: it does not fit a card of 2M');
  });

  test('that is kept has the size that it was made with', async () => {
    const image = join(scratch, 'sized.img');
    const path = join(scratch, 'sized.qcow2');
    writeFileSync(image, 'one');
    await keptOverlay(image, path, { tools, signal }, 8 * MIB);
    expect(await keptOverlay(image, path, { tools, signal }, 8 * MIB)).toEqual({ path, kept: true });
    expect(await keptOverlay(image, path, { tools, signal })).toEqual({ path, kept: true });
    await expect(keptOverlay(image, path, { tools, signal }, 16 * MIB)).rejects.toThrow('has 8M, not 16M');
  });

  test('that is kept belongs to the bytes of its image', async () => {
    const image = join(scratch, 'kept.img');
    const path = join(scratch, 'kept.qcow2');
    writeFileSync(image, 'one');
    expect(await keptOverlay(image, path, { tools, signal })).toEqual({ path, kept: false });
    expect(await keptOverlay(image, path, { tools, signal })).toEqual({ path, kept: true });
    writeFileSync(image, 'one');
    expect(await keptOverlay(image, path, { tools, signal })).toEqual({ path, kept: true });
    writeFileSync(image, 'two');
    utimesSync(image, new Date(0), new Date(0));
    await expect(keptOverlay(image, path, { tools, signal })).rejects.toThrow(
      'kept.img is not the image any more that the changes in',
    );
  });
});
