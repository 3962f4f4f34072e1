import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bootFilesKind } from '../../../src/kinds/boot-files.ts';
import { layerKind } from '../../../src/kinds/layer.ts';
import { mergeLayersKind } from '../../../src/kinds/merge-layers.ts';
import { linesOf, tarOf } from '../../helpers/layers.ts';
import { type Files, runTask as run } from '../../helpers/node-task.ts';

describe('gathering boot files', () => {
  const parts = [
    { name: 'firmware', input: 'firmware' },
    { name: 'linux', input: 'linux' },
    { name: 'small', input: 'config', file: 'config.txt' },
  ];
  const gather = (inputs: Files, size = 8 * 1024 * 1024) =>
    run(
      bootFilesKind,
      { parts, size },
      { config: 'x=1', 'firmware/start.elf': 's', 'linux/kernel8.img': 'k', ...inputs },
    );

  test('puts trees and texts together', async () => {
    const { out, told } = await gather({ 'linux/overlays/a.dtbo': 'a', 'firmware/overlays/a.dtbo': 'a' });
    expect(told).toBeUndefined();
    expect(readdirSync(out('files'), { recursive: true }).sort()).toEqual([
      'config.txt',
      'kernel8.img',
      'overlays',
      'overlays/a.dtbo',
      'start.elf',
    ]);
    expect(readFileSync(join(out('files'), 'config.txt'), 'utf8')).toBe('x=1');
  });

  test('names both packages that bring different files of one name, whatever its case', async () => {
    const { told } = await gather({ 'firmware/LICENCE': 'f', 'linux/Licence': 'll', 'linux/config.txt': 'mine' });
    expect(told).toBe(
      [
        "error: 'firmware' and 'linux' both bring 'LICENCE' ('Licence') to the boot partition with different content [image/boot-conflict]",
        "  note: 'firmware': 1 bytes",
        "  note: 'linux': 2 bytes",
        '  hint: take it out of one of them',
        "error: 'linux' and 'small' both bring 'config.txt' to the boot partition with different content [image/boot-conflict]",
        "  note: 'linux': 4 bytes",
        "  note: 'small': 3 bytes",
        '  hint: take it out of one of them',
      ].join('\n'),
    );
  });

  test('refuses what FAT cannot hold', async () => {
    const { told } = await gather({ 'linux/a:b': 'x', 'linux/dot.': 'x', 'linux/link@': 'kernel8.img' });
    expect(told?.split('\n').sort()).toEqual([
      "error: 'a:b' of the boot files of 'linux' has a character that FAT does not allow [image/boot-file]",
      "error: 'dot.' of the boot files of 'linux' ends in a dot or space, which FAT drops [image/boot-file]",
      "error: 'link' of the boot files of 'linux' is no plain file [image/boot-file]",
    ]);
  });

  test('says what is too much, by how much, and what is largest', async () => {
    const { told } = await gather({ 'linux/kernel8.img': Buffer.alloc(9_000_000) });
    expect(told).toBe(
      [
        'error: the boot files do not fit their partition of 8,388,608 bytes: 694,784 bytes too many [image/too-large]',
        '  note: the largest:',
        '  note: 9,000,000  /kernel8.img',
        '  note:         3  /config.txt',
        '  note:         1  /start.elf',
        "  hint: give the board's image.partitions.boot a larger size, or leave something out",
      ].join('\n'),
    );
  });
});

test('a layer of single files has the modes and owners that were asked for', async () => {
  const { out } = await run(
    layerKind,
    {
      entries: [
        { path: 'home/pi/.profile', type: 'file', mode: '0600', uid: 1000, gid: 1001, input: 'profile' },
        { path: 'home/pi', type: 'folder', mode: '0700', uid: 1000, gid: 1001 },
        { path: 'home/me', type: 'symlink', target: 'pi', uid: 0, gid: 0 },
      ],
    },
    { profile: 'echo hi\n' },
  );
  expect(await linesOf(readFileSync(out('layer')))).toEqual([
    'home/me -> pi',
    'home/pi/ 0700 1000:1001',
    'home/pi/.profile 0600 1000:1001 = echo hi\n',
  ]);
});

describe('merging layers', () => {
  const layer = { permissions: [], replace: [], recipe: 'a' };
  const params = {
    layers: [
      { name: 'a', input: 'a', ...layer },
      { name: 'b', input: 'b', ...layer },
    ],
    permissions: [],
  };

  test('leaves the root, what it is made of, and the largest for people', async () => {
    const inputs = { a: await tarOf(['usr/bin/a = 12345', 'x = 1']), b: await tarOf(['x = 1', 'y -> x']) };
    const { out, log } = await run(mergeLayersKind, params, inputs);
    expect(await linesOf(readFileSync(out('root')))).toContain('usr/bin/a 0644 0:0 = 12345');
    expect(JSON.parse(readFileSync(out('contents'), 'utf8'))).toEqual({
      bytes: 6,
      files: 3,
      layers: [
        { name: 'a', files: 2, bytes: 6 },
        { name: 'b', files: 1, bytes: 0 },
      ],
      largest: [
        { path: 'usr/bin/a', bytes: 5 },
        { path: 'x', bytes: 1 },
      ],
    });
    expect(readFileSync(out('largest'), 'utf8')).toBe('5  /usr/bin/a\n1  /x\n');
    expect(log).toEqual([
      'no layer brings os-release, so the root does not say which build it is',
      '3 files, 6 bytes from 2 layers',
    ]);
  });

  test('says what is too much for its partition', async () => {
    const inputs = { a: await tarOf([`opt/big = ${'x'.repeat(13_000_000)}`]), b: await tarOf(['x = 1']) };
    const { told } = await run(mergeLayersKind, { ...params, ext4: 16 * 1024 * 1024 }, inputs);
    expect(told).toBe(
      [
        'error: the root does not fit its partition of 16,777,216 bytes: 995,328 bytes too many [image/too-large]',
        '  note: the largest:',
        '  note: 13,000,000  /opt/big',
        '  note:          1  /x',
        "  hint: give the board's image.partitions.root a larger size, or leave something out",
      ].join('\n'),
    );
  });

  test('does not count the zeros of files, which an ext4 leaves out', async () => {
    const inputs = { a: await tarOf([`opt/hole = ${'\0'.repeat(50_000_000)}end`]), b: await tarOf(['x = 1']) };
    const { told } = await run(mergeLayersKind, { ...params, ext4: 16 * 1024 * 1024 }, inputs);
    expect(told).toBeUndefined();
  });
});
