import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bufferSource, tarMembers } from '../../src/image/tar-reader.ts';
import type { Board } from '../../src/recipe/model.ts';
import type { ImageFormat } from '../../src/recipe/schema.ts';
import { imageBench } from '../helpers/image.ts';
import { tarOf } from '../helpers/layers.ts';
import { projectOf } from '../helpers/recipes.ts';

const MIB = 1024 * 1024;

function boardOf(image: string): Board {
  const recipe = `board: small\nextends: base\nversion: "1.5"\nimage: ${image}\n`;
  return projectOf({ 'boards/small/board.yaml': recipe }).board('small');
}

async function benchOf(image: string) {
  const layers = {
    toolbox: await tarOf(['etc/greeting 0640 7:8 = hello\n', 'bin/su 4755 0:0 = su', 'etc/x -> greeting']),
  };
  return imageBench(boardOf(image), { layers, boots: { linux: { 'kernel8.img': 'kernel', 'overlays/a.dtbo': 'a' } } });
}

const partitions = 'partitions: { boot: { size: 8M }, root: { size: 16M } }';

test('an image is the same in every format, and the same in every build', async () => {
  const bench = await benchOf(`{ formats: [img.zst, img.xz, qcow2, boot.tar, oci], ${partitions} }`);
  const { image, path, differences } = bench;
  expect([...image.formats.keys()]).toEqual(['img.zst', 'img.xz', 'qcow2', 'boot.tar', 'oci']);
  const ref = (format: ImageFormat) => {
    const found = image.formats.get(format as never);
    if (!found) throw new Error(`no ${format}`);
    return found;
  };
  for (const [format, unpack] of [
    ['img.zst', 'zstd -dq'],
    ['img.xz', 'xz -d'],
  ] as const) {
    const found = await bench.inspect(`${unpack} < in/file | cmp - in/image; echo same > out/found\n`, {
      file: ref(format),
      image: image.image,
    });
    expect(readFileSync(found, 'utf8')).toBe('same\n');
  }
  const card = readFileSync(await path(image.image));
  const qcow2 = readFileSync(await path(ref('qcow2')));
  // Source: QEMU's docs/interop/qcow2.txt: the magic, and the virtual size at byte 24, big endian.
  expect(qcow2.toString('latin1', 0, 4)).toBe('QFI\xfb');
  expect(qcow2.readBigUInt64BE(24)).toBe(BigInt(card.length));
  const boot = [...tarMembers(bufferSource(readFileSync(await path(ref('boot.tar')))))].map((member) =>
    member.path.replace(/^\.\//, ''),
  );
  expect(boot).toEqual(expect.arrayContaining(['cmdline.txt', 'config.txt', 'kernel8.img', 'overlays/a.dtbo']));
  for (const format of image.formats.keys())
    expect([format, await differences(`small:${format}`)]).toEqual([format, []]);
});

test('the OCI image has the root as its layer, and every digest is right', async () => {
  const { image, path } = await benchOf(`{ formats: [oci], ${partitions} }`);
  const ref = image.formats.get('oci');
  if (!ref) throw new Error('no oci');
  const archive = readFileSync(await path(ref));
  const files = new Map(
    [...tarMembers(bufferSource(archive))].map(({ path: name, offset, size }) => [
      name.replace(/^\.\//, ''),
      archive.subarray(offset, offset + size),
    ]),
  );
  const json = (name: string) => JSON.parse(files.get(name)?.toString() ?? '');
  const blob = ({ digest, size }: { digest: string; size: number }): Buffer => {
    const bytes = files.get(`blobs/${digest.replace(':', '/')}`);
    if (bytes === undefined) throw new Error(`no ${digest}`);
    expect([bytes.length, `sha256:${createHash('sha256').update(bytes).digest('hex')}`]).toEqual([size, digest]);
    return bytes;
  };
  expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
  const [entry] = json('index.json').manifests;
  expect(entry.annotations['org.opencontainers.image.ref.name']).toBe('1.5');
  const manifest = JSON.parse(blob(entry).toString());
  const config = JSON.parse(blob(manifest.config).toString());
  expect(config).toMatchObject({ architecture: 'arm64', os: 'linux', created: '2026-01-01T00:00:00Z' });
  const layer = gunzipSync(blob(manifest.layers[0]));
  expect(layer.equals(readFileSync(await path(image.root)))).toBe(true);
  expect(config.rootfs.diff_ids).toEqual([`sha256:${createHash('sha256').update(layer).digest('hex')}`]);
});

test('a GPT has its partitions where they should be, its copy at the end, and ids that are always the same', async () => {
  const data = 'data: { size: 12M }';
  const { image, path, differences } = await benchOf(`{ table: gpt, ${partitions.replace(/ }$/, `, ${data} }`)} }`);
  const card = readFileSync(await path(image.image));
  expect(card.length).toBe(64 * MIB);
  for (const at of [512, card.length - 512]) expect(card.toString('latin1', at, at + 8)).toBe('EFI PART');
  expect(Number(card.readBigUInt64LE(512 + 32))).toBe(card.length / 512 - 1);
  const entries = [0, 1, 2].map((index) => {
    const at = 1024 + index * 128;
    const [first, last] = [32, 40].map((offset) => Number(card.readBigUInt64LE(at + offset)) * 512);
    const name = card.toString('utf16le', at + 56, at + 128).replace(/\0+$/, '');
    return { name, first, end: (last ?? 0) + 512, type: card.toString('hex', at, at + 4) };
  });
  expect(entries).toEqual([
    { name: 'boot', first: 4 * MIB, end: 12 * MIB, type: '28732ac1' },
    { name: 'root', first: 12 * MIB, end: 28 * MIB, type: 'af3dc60f' },
    { name: 'data', first: 28 * MIB, end: 40 * MIB, type: 'af3dc60f' },
  ]);
  const cmdline = readFileSync(
    `${await path({ ...image.boot, task: 'small:boot-files', artifact: 'files' } as never)}/cmdline.txt`,
    'utf8',
  );
  const id = card.subarray(1024 + 128 + 16, 1024 + 128 + 32);
  const uuid = [
    id.subarray(0, 4).reverse(),
    id.subarray(4, 6).reverse(),
    id.subarray(6, 8).reverse(),
    id.subarray(8, 10),
    id.subarray(10),
  ];
  expect(cmdline).toContain(`root=PARTUUID=${uuid.map((part) => part.toString('hex')).join('-')}`);
  expect(await differences('small:disk')).toEqual([]);
});

test('an erofs holds the root, within its partition, and is the same in every build', async () => {
  const bench = await benchOf('{ partitions: { boot: { size: 8M }, root: { format: erofs } } }');
  const rootfs = readFileSync(await bench.path(bench.image.rootfs));
  // Source: fs/erofs/erofs_fs.h: the magic, little endian, at 1024.
  expect(rootfs.readUInt32LE(1024)).toBe(0xe0f5e1e2);
  expect(await bench.differences('small:rootfs')).toEqual([]);
});
