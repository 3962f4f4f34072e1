import { describe, expect, test } from 'vitest';
import { encodeHeader, endOfArchive, noXattrs, padding, type TarHeader } from '../../../src/image/tar.ts';
import { bufferSource, type TarMember, tarMembers } from '../../../src/image/tar-reader.ts';
import { linesOf, tarOf } from '../../helpers/layers.ts';

const plain: TarHeader = {
  path: 'a',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  target: '',
  xattrs: noXattrs,
};
const long = `${'folder/'.repeat(20)}${'n'.repeat(120)}`;

function members(archive: Buffer): TarMember[] {
  return [...tarMembers(bufferSource(archive))];
}

function archiveOf(...entries: (Partial<TarHeader> & { content?: string })[]): Buffer {
  const parts = entries.flatMap(({ content = '', ...header }) => {
    const size = Buffer.byteLength(content);
    return [encodeHeader({ ...plain, size, ...header }, 1), Buffer.from(content), Buffer.alloc(padding(size))];
  });
  return Buffer.concat([...parts, endOfArchive]);
}

/** Changes a header block and makes its checksum right again. */
function patched(archive: Buffer, change: (block: Buffer) => void): Buffer {
  const copy = Buffer.from(archive);
  change(copy);
  copy.fill(0x20, 148, 156);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return copy;
}

describe('reading', () => {
  test('an archive of another writer is read with everything it says', async () => {
    const lines = [
      'etc/ 1777 1:2',
      'etc/motd 4750 1000:1001 = hello',
      'l -> ../etc',
      'h => etc/motd',
      'dev/sda 0660 0:6 b 8:1',
    ];
    const [folder, file, link, hard, device] = members(await tarOf(lines));
    expect(folder).toMatchObject({ path: 'etc/', type: 'folder', mode: 0o1777, uid: 1, gid: 2, size: 0 });
    expect(file).toMatchObject({ path: 'etc/motd', type: 'file', mode: 0o4750, uid: 1000, gid: 1001, size: 5 });
    expect(link).toMatchObject({ path: 'l', type: 'symlink', target: '../etc' });
    expect(hard).toMatchObject({ path: 'h', type: 'hardlink', target: 'etc/motd', size: 0 });
    expect(device).toMatchObject({ type: 'block-device', device: { major: 8, minor: 1 } });
  });

  test('contents are found by their offset', async () => {
    const archive = await tarOf(['a = first', `${long} = second`]);
    const contents = members(archive).map(({ offset, size }) => archive.toString('utf8', offset, offset + size));
    expect(contents).toEqual(['first', 'second']);
  });

  test('pax names of other writers are read', async () => {
    expect(members(await tarOf([`${long} = x`, `l -> ${long}`]))).toMatchObject([{ path: long }, { target: long }]);
  });

  test('what follows the end of the archive is not read', () => {
    expect(members(Buffer.concat([archiveOf({ path: 'a' }), archiveOf({ path: 'b' })]))).toHaveLength(1);
  });

  test('a size that ustar has no room for is read in base 256', () => {
    const archive = patched(archiveOf({ path: 'a', content: 'abc' }), (block) => {
      block.fill(0, 124, 136);
      block[124] = 0x80;
      block[135] = 3;
    });
    expect(members(archive)).toMatchObject([{ size: 3 }]);
  });

  test.each<[string, RegExp, () => Buffer]>([
    ['is cut off in a header', /ends in the middle of a header/, () => archiveOf({}).subarray(0, 300)],
    [
      'is cut off in a content',
      /ends in the middle of 'a'/,
      () => archiveOf({ content: 'x'.repeat(2000) }).subarray(0, 1024),
    ],
    ['promises more than it has', /ends in the middle of 'a'/, () => archiveOf({ size: 2 ** 40 })],
    ['has a damaged header', /wrong checksum/, () => archiveOf({}, { path: 'b' }).fill(0x41, 512, 513)],
    ['is empty', /is empty/, () => Buffer.alloc(0)],
    ['is no archive', /no uncompressed tar/, () => Buffer.alloc(1024, 'x')],
    ['has an unknown type', /unknown type 'V'/, () => patched(archiveOf({}), (block) => block.write('V', 156))],
    ['has a sparse file', /unknown type 'S'/, () => patched(archiveOf({}), (block) => block.write('S', 156))],
    [
      'gives content to a folder',
      /gives content to 'a'/,
      () => patched(archiveOf({ content: 'x' }), (block) => block.write('5', 156)),
    ],
    ['has a name that is not UTF-8', /not UTF-8/, () => patched(archiveOf({}), (block) => block.writeUInt8(0xff, 0))],
    ['has a malformed number', /no uncompressed tar/, () => patched(archiveOf({}), (block) => block.write('9', 100))],
    [
      'has an absurd number',
      /absurd number/,
      () =>
        Buffer.concat([
          archiveOf({}).subarray(0, 512),
          patched(archiveOf({}), (block) => block.fill(0xff, 125, 136).writeUInt8(0x80, 124)),
        ]),
    ],
    ['has an endless name', /a name or an attribute of \d+ bytes/, () => archiveOf({ path: 'x'.repeat(2 ** 20 + 1) })],
    ['belongs to nobody', /impossible owner/, () => archiveOf({ uid: 0xffffffff })],
  ])('an archive that %s is refused', (_, message, archive) => {
    expect(() => members(archive())).toThrow(message);
  });

  test('a malformed pax record is refused', () => {
    const archive = archiveOf({ xattrs: new Map([['user.a', Buffer.from('b')]]) });
    archive.write('99', 512, 'latin1');
    expect(() => members(archive)).toThrow(/malformed record/);
  });
});

describe('writing', () => {
  test('other readers read what we write', async () => {
    const archive = archiveOf(
      { path: 'etc', type: 'folder', mode: 0o1777, uid: 1, gid: 2 },
      { path: 'etc/motd', mode: 0o4750, uid: 1000, gid: 1001, content: 'hello' },
      { path: 'l', type: 'symlink', target: '../etc', mode: 0o777 },
      { path: 'h', type: 'hardlink', target: 'etc/motd' },
      { path: 'dev/sda', type: 'block-device', device: { major: 8, minor: 1 }, mode: 0o660, gid: 6 },
    );
    expect(await linesOf(archive)).toEqual([
      'etc/ 1777 1:2',
      'etc/motd 4750 1000:1001 = hello',
      'l -> ../etc',
      'h => etc/motd',
      'dev/sda 0660 0:6 b 8:1',
    ]);
  });

  test('names of any length and script come back', async () => {
    for (const path of ['n'.repeat(99), 'n'.repeat(100), 'n'.repeat(101), 'ä'.repeat(50), 'ä'.repeat(51), long]) {
      const archive = archiveOf({ path, content: 'x' }, { path: 'l', type: 'symlink', target: path });
      expect(members(archive)).toMatchObject([{ path }, { target: path }]);
      expect(await linesOf(archive)).toEqual([`${path} 0644 0:0 = x`, `l -> ${path}`]);
    }
  });

  test('attributes come back byte by byte, whatever their length', () => {
    for (const length of [0, 1, 20, 75, 76, 77, 950, 971, 972, 973, 974, 20_000]) {
      const value = Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256));
      const xattrs = new Map([['security.capability', value]]);
      expect(members(archiveOf({ xattrs }))[0]?.xattrs).toEqual(xattrs);
    }
  });

  test('numbers too large for ustar come back', () => {
    const entry = { path: 'a', uid: 3_000_000, gid: 4_294_967_294 };
    expect(members(archiveOf(entry))).toMatchObject([entry]);
  });

  test('a header is the same whatever order its attributes are in', () => {
    const one = new Map(['user.a', 'user.b'].map((name) => [name, Buffer.from('x')] as const));
    const other = new Map(['user.b', 'user.a'].map((name) => [name, Buffer.from('x')] as const));
    expect(archiveOf({ xattrs: one })).toEqual(archiveOf({ xattrs: other }));
  });
});
