import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Failure, formatDiagnostic } from '../../src/diagnostic.ts';
import { ext4Of, mke2fsOptions } from '../../src/image/ext4.ts';
import { fatOf } from '../../src/image/fat.ts';
import type { Board } from '../../src/recipe/model.ts';
import { imageBench, type Parts } from '../helpers/image.ts';
import { linesOf, tarOf } from '../helpers/layers.ts';
import { randomOf } from '../helpers/random.ts';
import {
  debugfsCommands,
  EXT4_SCRIPT,
  ext4Lines,
  filesOf,
  SQUASHFS_SCRIPT,
  squashfsLines,
} from '../helpers/read-back.ts';
import { folderOf, projectOf } from '../helpers/recipes.ts';

const MIB = 1024 * 1024;
/** What the project's epoch is in the tools' own words. */
const EPOCH = 1767225600;

const long = `usr/share/${'long-folder-name/'.repeat(8)}${'ü'.repeat(60)}`;

/** Something of every kind that a root can hold. */
const toolbox = [
  'bin -> usr/bin',
  'dev/console 0600 0:5 c 5:1',
  'dev/mmcblk0 0660 0:6 b 179:300',
  'etc/hostname 0644 0:0 = small',
  'tmp/ 1777',
  'usr/bin/su 4755 0:0 = su',
  'usr/bin/login => usr/bin/su',
  `usr/share/zeros 0640 1000:1000 = ${'\0'.repeat(300_000)}end`,
  `${long} 0644 70000:3000000 = at the end of a long way`,
  `usr/share/link -> ${'../far/'.repeat(12)}away`,
];

const firmware = { 'bootcode.bin': 'boot', 'overlays/Disable-BT.dtbo': 'x'.repeat(5000), 'LICENCE.broadcom': 'l' };
const kernel = { 'kernel8.img': 'kernel'.repeat(100_000), 'bcm2837-rpi-3-b.dtb': 'tree' };

async function partsOf(lines: readonly string[]): Promise<Parts> {
  return { layers: { toolbox: await tarOf(lines) }, boots: { firmware, linux: kernel } };
}

function boardOf(image: string): Board {
  const recipe = `board: small\nextends: base\nimage: ${image}\nusers: { pi: { sshKeys: [ssh-ed25519 AAAA me] } }\n`;
  return projectOf({ 'boards/small/board.yaml': recipe }).board('small');
}

const ext4 = '{ partitions: { boot: { size: 36M }, root: { size: 64M } } }';
const squashfs = '{ partitions: { boot: { size: 8M }, root: { format: squashfs } } }';

async function archiveLines(archive: string): Promise<{ lines: string[]; paths: string[] }> {
  const lines = (await linesOf(readFileSync(archive))).slice(1).map((line) => line.replace(/^(\S+?)\/ /, '$1/ '));
  return { lines, paths: lines.map((line) => (line.split(' ')[0] ?? '').replace(/\/$/, '')) };
}

async function told(step: Promise<unknown>): Promise<string> {
  const error = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error.diagnostics.map(formatDiagnostic).join('\n');
  throw error ?? new Error('nothing was wrong');
}

describe('the root of a board', () => {
  test('is in its ext4 as it is in its archive: types, modes, owners, times, links, contents', async () => {
    const { image, path, inspect } = imageBench(boardOf(ext4), await partsOf(toolbox));
    const { lines, paths } = await archiveLines(await path(image.root));
    const found = await inspect(EXT4_SCRIPT, {
      rootfs: image.rootfs,
      commands: { from: 'text', text: debugfsCommands(paths) },
    });
    const back = ext4Lines(readFileSync(found), paths);
    expect(back.lines).toEqual(lines);
    expect(back.times).toEqual(new Set([`0x${EPOCH.toString(16)}`]));
    expect(lines).toContain('home/pi/.ssh/authorized_keys 0600 1000:1000 = ssh-ed25519 AAAA me\n');
  });

  test('is in its squashfs as it is in its archive', async () => {
    const { image, path, inspect } = imageBench(boardOf(squashfs), await partsOf(toolbox));
    const { lines, paths } = await archiveLines(await path(image.root));
    const found = await inspect(SQUASHFS_SCRIPT, {
      rootfs: image.rootfs,
      paths: { from: 'text', text: `${paths.join('\n')}\n` },
    });
    const back = squashfsLines(readFileSync(found), paths);
    const su = lines.find((line) => line.startsWith('usr/bin/login ')) ?? '';
    const expected = lines
      .map((line) => line.replace(/^usr\/bin\/su => .*/, su.replace('login', 'su')))
      .map((line) => line.replace(/ ([bc]) \d+:\d+$/, ' $1'));
    expect(back.lines).toEqual(expected);
    expect(back.times).toEqual(new Set(['2026-01-01 00:00']));
  });

  test('names its build, which another layer changes', async () => {
    const release = 'etc/os-release 0644 0:0 = NAME=x\n';
    const one = imageBench(boardOf(ext4), await partsOf([release]));
    const other = imageBench(boardOf(ext4), await partsOf([release, 'x = y']));
    const idOf = async ({ image, path }: typeof one) =>
      /^etc\/os-release 0644 0:0 = NAME=x\nBUILD_ID=([0-9a-f]{64})\n$/m.exec(
        (await archiveLines(await path(image.root))).lines.join('\n'),
      )?.[1];
    expect(await idOf(one)).toBeDefined();
    expect(await idOf(other)).not.toBe(await idOf(one));
  });
});

describe('the boot partition', () => {
  test('is a sound FAT with every file, config.txt and cmdline.txt, dated by the epoch', async () => {
    const { image, inspect } = imageBench(boardOf(ext4), await partsOf(toolbox));
    const script = `fsck.vfat -nv in/boot
mkdir files; mcopy -s -n -i in/boot ::/ files
mdir -/ -a -i in/boot ::/ > list
minfo -i in/boot :: > info
tar -C files -cf out/found . -C .. list info
`;
    const found = filesOf(readFileSync(await inspect(script, { boot: image.boot })));
    const text = (name: string) => found.get(name)?.toString() ?? '';
    const files = { ...firmware, ...kernel };
    expect(Object.fromEntries(Object.keys(files).map((name) => [name, text(`./${name}`)]))).toEqual(files);
    expect(text('./config.txt')).toBe("# Made by pibuild from the board 'small'.\n# small 1.10\n");
    const id = /PARTUUID=([0-9a-f]{8})-02/.exec(text('./cmdline.txt'))?.[1];
    const words = `console=ttyAMA0 quiet root=PARTUUID=${id}-02 rootfstype=ext4 rootwait rw`;
    expect(text('./cmdline.txt')).toBe(`${words}\n`);
    expect(new Set(text('list').match(/\d{4}-\d\d-\d\d +\d+:\d\d/g))).toEqual(new Set(['2026-01-01   0:00']));
    expect(text('info')).toContain('FAT32');
  });
});

describe('the card image', () => {
  test('is sparse, a power of two, and has aligned partitions that hold the filesystems', async () => {
    const { image, path } = imageBench(boardOf(ext4), await partsOf(toolbox));
    const card = await path(image.image);
    const { size, blocks } = statSync(card);
    expect(size).toBe(128 * MIB);
    expect(blocks * 512).toBeLessThan(32 * MIB);
    const bytes = readFileSync(card);
    const partitions = [446, 462].map((at) => ({
      type: bytes[at + 4],
      start: bytes.readUInt32LE(at + 8) * 512,
      size: bytes.readUInt32LE(at + 12) * 512,
    }));
    expect(partitions).toEqual([
      { type: 0x0c, start: 4 * MIB, size: 36 * MIB },
      { type: 0x83, start: 40 * MIB, size: 64 * MIB },
    ]);
    expect(bytes.subarray(4 * MIB, 40 * MIB).equals(readFileSync(await path(image.boot)))).toBe(true);
    expect(bytes.subarray(40 * MIB, 104 * MIB).equals(readFileSync(await path(image.rootfs)))).toBe(true);
    const manifest = JSON.parse(readFileSync(await path(image.manifest), 'utf8'));
    expect(manifest.image).toEqual({ size, id: bytes.readUInt32LE(440).toString(16).padStart(8, '0') });
    expect(manifest.root.layers).toContainEqual({ name: 'toolbox', files: 8, bytes: expect.any(Number) });
  });

  test('written by its block map over a card full of old bytes is as good as new', async () => {
    const { image, path, inspect } = imageBench(boardOf(ext4), await partsOf(toolbox));
    const card = readFileSync(await path(image.image));
    const dirty = Buffer.alloc(card.length, 0xa5);
    const ranges = readFileSync(await path(image.bmap), 'utf8').matchAll(
      /<Range chksum="([0-9a-f]{64})"> (\d+)(?:-(\d+))? <\/Range>/g,
    );
    let written = 0;
    for (const [, checksum, first, last = first] of ranges) {
      const part = card.subarray(Number(first) * 4096, (Number(last) + 1) * 4096);
      expect(createHash('sha256').update(part).digest('hex')).toBe(checksum);
      part.copy(dirty, Number(first) * 4096);
      written += part.length;
    }
    expect(written).toBeLessThan(24 * MIB);
    const file = join(folderOf({ dirty }), 'dirty');
    const script = `dd if=in/card of=boot bs=1M skip=4 count=36 status=none
dd if=in/card of=root bs=1M skip=40 count=64 status=none
fsck.vfat -n boot; e2fsck -fn root
mkdir -p files/boot; mcopy -s -n -i boot ::/ files/boot
debugfs -R 'dump <8> files/journal' root; debugfs -R 'cat /usr/share/zeros' root > files/zeros
tar -cf out/found files
`;
    const read = async (input: string) =>
      [...filesOf(readFileSync(await inspect(script, { card: { from: 'project', path: input } })))].map(
        ([name, content]) => `${name} ${createHash('sha256').update(content).digest('hex')}`,
      );
    expect(await read(file)).toEqual(await read(await path(image.image)));
  });

  test.each([
    ['ext4', ext4],
    ['squashfs', squashfs],
  ])('comes out the same when its tasks run again (%s)', async (_, format) => {
    const bench = imageBench(boardOf(format), await partsOf(toolbox));
    for (const { id } of bench.image.tasks) expect([id, await bench.differences(id)]).toEqual([id, []]);
  });
});

describe('what does not fit is told, by how much, with the largest', () => {
  const small = (root: string) => boardOf(`{ partitions: { boot: { size: 8M }, root: ${root} } }`);
  const noise = (bytes: number) => `opt/noise = ${randomText(bytes)}`;

  test('an ext4 takes all that its size promises, and one block more is too many', async () => {
    const rest = 16;
    const { room } = ext4Of(16 * MIB);
    const fitting = imageBench(small('{ size: 16M }'), await partsOf([noise((room - rest) * 4096)]));
    const over = imageBench(small('{ size: 16M }'), await partsOf([noise((room + 100) * 4096), 'opt/more/x = y']));
    const script = 'dumpe2fs -h in/rootfs > out/found\n';
    const text = readFileSync(await fitting.inspect(script, { rootfs: fitting.image.rootfs }), 'utf8');
    const free = Number(/^Free blocks: +(\d+)/m.exec(text)?.[1]);
    const exact = imageBench(small('{ size: 16M }'), await partsOf([noise((room - rest + free) * 4096)]));
    const tight = readFileSync(await exact.inspect(script, { rootfs: exact.image.rootfs }), 'utf8');
    expect(tight).toMatch(/^Free blocks: +0$/m);
    const more = imageBench(small('{ size: 16M }'), await partsOf([noise((room - rest + free + 1) * 4096)]));
    expect(await told(more.path(more.image.rootfs))).toMatch(
      /fit its partition of 16,777,216 bytes: 4,096 bytes too many/,
    );
    expect(await told(over.path(over.image.rootfs))).toMatch(/the largest:\n.*: +12,\d{3},\d{3} {2}\/opt\/noise\n/);
  });

  test('an ext4 holds as many files as its size promises', async () => {
    const files = Array.from({ length: 3000 }, (_, index) => `f/${index} = `);
    const { path, image } = imageBench(small('{ size: 16M }'), await partsOf(files));
    expect(await told(path(image.rootfs))).toMatch(/partition of 16,777,216 bytes: 9\d\d files too many/);
  });

  test('a squashfs is as large as it gets, but within its partition', async () => {
    const { path, image } = imageBench(small('{ format: squashfs, size: 4M }'), await partsOf([noise(6 * MIB)]));
    expect(await told(path(image.rootfs))).toMatch(
      /the root does not fit its partition of 4,194,304 bytes: \d+ bytes too many.*\n.* 6,291,456 {2}\/opt\/noise/,
    );
  });

  test('boot files fill a FAT to its last clusters', async () => {
    const parts = await partsOf([]);
    const bench = (bytes: number) =>
      imageBench(small('{ size: 16M }'), { ...parts, boots: { big: { 'big.img': 'x'.repeat(bytes) } } });
    const { room } = fatOf(8 * MIB);
    const fitting = bench(room - 2 * 2048);
    expect(statSync(await fitting.path(fitting.image.boot)).size).toBe(8 * MIB);
    const over = bench(room + 1);
    expect(await told(over.path(over.image.boot))).toMatch(
      /the boot files do not fit their partition of 8,388,608 bytes: [\d,]+ bytes too many/,
    );
  });

  test.each([16, 32, 100, 128, 132, 508, 512, 1024, 1028, 2048])(
    'the room of an ext4 of %i MiB is what mke2fs leaves',
    async (mib) => {
      const { inspect } = imageBench(boardOf(ext4), await partsOf([]));
      const options = mke2fsOptions(mib * MIB, 'root', '11111111-2222-4333-8444-555555555555').join(' ');
      const script = `truncate -s ${mib}M image; mke2fs -q ${options} image; dumpe2fs -h image > out/found\n`;
      const text = readFileSync(await inspect(script, {}), 'utf8');
      const found = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(text)?.[1]);
      const { blocks, inodes, room } = ext4Of(mib * MIB);
      expect({ blocks, inodes, room }).toEqual({
        blocks: found('Block count'),
        inodes: found('Free inodes'),
        room: found('Free blocks'),
      });
    },
  );
});

/** Text that does not compress, and is the same in every run. */
function randomText(bytes: number): string {
  const random = randomOf(1);
  return Buffer.from(Uint32Array.from({ length: Math.ceil(bytes / 4) }, () => random.below(2 ** 32)).buffer)
    .subarray(0, Math.ceil((bytes * 3) / 4))
    .toString('base64')
    .slice(0, bytes);
}
