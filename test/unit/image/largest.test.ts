import { expect, test } from 'vitest';
import { formatSizes, largest } from '../../../src/image/largest.ts';

test('the largest things are files and folders, none inside another', () => {
  const modules = Array.from({ length: 300 }, (_, index) => ({ path: `usr/lib/modules/m${index}.ko`, bytes: 100 }));
  const files = [
    { path: 'usr/bin/containerd', bytes: 40_000 },
    { path: 'usr/bin/ctr', bytes: 20_000 },
    { path: 'usr/lib/libc.so', bytes: 9_000 },
    { path: 'etc/motd', bytes: 10 },
    ...modules,
  ];
  expect(largest(files, 4)).toEqual([
    { path: 'usr/bin/containerd', bytes: 40_000 },
    { path: 'usr/lib/modules/', bytes: 30_000 },
    { path: 'usr/bin/ctr', bytes: 20_000 },
    { path: 'usr/lib/libc.so', bytes: 9_000 },
  ]);
});

test('everything in one folder is told file by file', () => {
  expect(
    largest(
      [
        { path: 'a/b', bytes: 2 },
        { path: 'a/c', bytes: 3 },
      ],
      9,
    ).map(({ path }) => path),
  ).toEqual(['a/c', 'a/b']);
  expect(largest([], 9)).toEqual([]);
});

test('sizes are lined up, with digits in groups', () => {
  const lines = formatSizes([
    { path: 'kernel8.img', bytes: 12_345_678 },
    { path: 'a/', bytes: 999 },
  ]);
  expect(lines).toEqual(['12,345,678  /kernel8.img', '       999  /a/']);
});
