import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { readDebFile } from '../../../src/archive/deb.ts';
import { unpackDebs } from '../../../src/archive/unpack.ts';
import { Failure } from '../../../src/diagnostic.ts';
import { arOf, debOf, type Member, tarOf } from '../../helpers/archive.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
});

/** Unpacks .debs with these members; the tree's folder, or what the user is told. */
async function unpack(debs: readonly (readonly Member[] | Buffer)[], leaveOut = (_: string): boolean => false) {
  const paths: string[] = [];
  for (const [index, deb] of debs.entries()) {
    paths.push(join(folder, `${index}.deb`));
    writeFileSync(paths[index] as string, Buffer.isBuffer(deb) ? deb : await debOf(deb as readonly Member[]));
  }
  const tree = join(folder, 'tree');
  try {
    await unpackDebs(paths, tree, { leaveOut, signal: new AbortController().signal });
  } catch (error) {
    if (error instanceof Failure) return { tree, told: error.message };
    throw error;
  }
  return { tree };
}

test('files, folders, links and executable bits are unpacked', async () => {
  const { tree } = await unpack([
    [
      { name: './', type: 'directory' },
      { name: './usr/', type: 'directory' },
      { name: './usr/bin/', type: 'directory' },
      { name: './usr/bin/tool', text: '#!/bin/sh\n', mode: 0o755 },
      { name: './usr/bin/alias', type: 'symlink', target: 'tool' },
      { name: './usr/bin/same', type: 'link', target: './usr/bin/tool' },
      { name: './etc/empty/', type: 'directory' },
      { name: './etc/text', text: 'hello' },
    ],
  ]);
  expect(readFileSync(join(tree, 'etc/text'), 'utf8')).toBe('hello');
  expect(readlinkSync(join(tree, 'usr/bin/alias'))).toBe('tool');
  expect(readFileSync(join(tree, 'usr/bin/same'), 'utf8')).toBe('#!/bin/sh\n');
  expect(statSync(join(tree, 'usr/bin/tool')).mode & 0o111).toBe(0o111);
  expect(statSync(join(tree, 'etc/text')).mode & 0o111).toBe(0);
  expect(readdirSync(join(tree, 'etc/empty'))).toEqual([]);
});

test("what lies below Debian's merged folders goes into usr/", async () => {
  const { tree } = await unpack([
    [{ name: './lib', type: 'symlink', target: 'usr/lib' }],
    [
      { name: './lib/', type: 'directory' },
      { name: './lib/x/', type: 'directory' },
      { name: './lib/x/a.so', text: 'a' },
    ],
  ]);
  expect(readFileSync(join(tree, 'usr/lib/x/a.so'), 'utf8')).toBe('a');
  expect(readlinkSync(join(tree, 'lib'))).toBe('usr/lib');
});

test('of a path that several debs bring, the last one stays', async () => {
  const { tree } = await unpack([
    [{ name: './a', text: 'first' }],
    [{ name: './a', text: 'second' }],
    [{ name: './a', type: 'symlink', target: 'b' }],
  ]);
  expect(readlinkSync(join(tree, 'a'))).toBe('b');
});

test('what is left out is not unpacked', async () => {
  const members = [
    { name: './usr/share/doc/x', text: 'x' },
    { name: './usr/share/x', text: 'x' },
  ];
  const { tree } = await unpack([members], (path) => path.startsWith('usr/share/doc'));
  expect(readdirSync(join(tree, 'usr/share'))).toEqual(['x']);
});

test.each([
  [
    'a path that climbs out',
    [{ name: '../evil', text: 'x' }],
    "holds '../evil', which is refused: its path has '..' in it",
  ],
  ['an absolute path', [{ name: '/evil', text: 'x' }], "holds '/evil', which is refused: its path is absolute"],
  [
    'a path through a link',
    [
      { name: './out', type: 'symlink', target: '/tmp' },
      { name: './out/evil', text: 'x' },
    ],
    'it would lead through a link of this name',
  ],
  [
    'a folder in place of a link out',
    [
      { name: './out', type: 'symlink', target: '../..' },
      { name: './out/', type: 'directory' },
      { name: './out/evil', text: 'x' },
    ],
    'it would lead through a link of this name',
  ],
  [
    'a device',
    [{ name: './null', type: 'character-device' }],
    "holds './null', which is refused: it is a character-device",
  ],
  ['a pipe', [{ name: './pipe', type: 'fifo' }], 'it is a fifo'],
  [
    'a hard link that climbs out',
    [{ name: './a', type: 'link', target: '../../etc/passwd' }],
    "its path has '..' in it",
  ],
  [
    'a hard link to nothing',
    [{ name: './a', type: 'link', target: './b' }],
    "it shares the file 'b', which is not there",
  ],
  [
    'a hard link to a link',
    [
      { name: './b', type: 'symlink', target: '/etc/passwd' },
      { name: './a', type: 'link', target: './b' },
    ],
    "it shares the file 'b', which is not there",
  ],
  [
    'a file where a folder is',
    [
      { name: './a/', type: 'directory' },
      { name: './a', text: 'x' },
    ],
    'another .deb has a folder of this name',
  ],
] as const)('%s is refused', async (_, members, expected) => {
  const { told } = await unpack([members as readonly Member[]]);
  expect(told).toContain(expected);
  expect(existsSync(join(folder, 'evil'))).toBe(false);
});

test('what is no .deb, or only half of one, is said to be so', async () => {
  const deb = await debOf([{ name: './a', text: 'x'.repeat(5000) }]);
  const control = { 'control.tar': await tarOf([]) };
  const halfTar = (await tarOf([{ name: './a', text: 'x'.repeat(5000) }])).subarray(0, 2000);
  expect((await unpack([Buffer.from('hello')])).told).toContain('it is no ar archive');
  expect((await unpack([deb.subarray(0, deb.length - 50)])).told).toContain('it is cut short');
  const endless = Buffer.from(deb);
  endless.write('-60       ', 8 + 48);
  expect((await unpack([endless])).told).toContain('it is cut short');
  expect((await unpack([arOf(control)])).told).toContain('it has no data.tar');
  expect((await unpack([arOf({ 'data.tar.zst': Buffer.from('x') })])).told).toContain('no reader for data.tar.zst');
  expect((await unpack([arOf({ 'data.tar.gz': Buffer.from('x') })])).told).toContain('cannot be read as a .deb');
  expect((await unpack([arOf({ 'data.tar.xz': Buffer.from('x') })])).told).toContain('cannot be read as a .deb');
  expect((await unpack([arOf({ 'data.tar.gz': gzipSync(halfTar) })])).told).toContain('cannot be read as a .deb');
});

test('one file can be read out of a .deb', async () => {
  const path = join(folder, 'x.deb');
  writeFileSync(
    path,
    await debOf([
      { name: './usr/a', text: 'a' },
      { name: './usr/lib/lib.so.1', text: 'library' },
    ]),
  );
  expect((await readDebFile(path, /lib\.so\.[0-9]$/))?.toString()).toBe('library');
  expect(await readDebFile(path, /none/)).toBeUndefined();
});
