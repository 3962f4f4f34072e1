/**
 * The tar format (POSIX ustar and pax, and GNU's long names): header blocks to plain data and back. tar-stream is not
 * used for this, since it takes pax values for text and so destroys binary ones such as `security.capability`, and
 * since layers are indexed by seeking over their contents, which a stream cannot.
 */

export type TarType = 'file' | 'folder' | 'symlink' | 'hardlink' | 'character-device' | 'block-device' | 'fifo';

export interface TarHeader {
  /** As it stands in the archive. */
  readonly path: string;
  readonly type: TarType;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow; 0 but for files. */
  readonly size: number;
  /** Where a symbolic or hard link leads; empty for all else. */
  readonly target: string;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Extended attributes by full name (`security.capability`). */
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

/** What is wrong with an archive, in words that continue "the archive ...". */
export class TarError extends Error {
  override readonly name = 'TarError';
}

export const BLOCK = 512;
export const noXattrs: ReadonlyMap<string, Buffer> = new Map();

/** A header block's own facts, before pax records and long names are applied. */
export interface RawHeader {
  readonly flag: string;
  readonly name: Buffer;
  readonly link: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly major: number;
  readonly minor: number;
}

export type PaxRecords = ReadonlyMap<string, Buffer>;

/** One header block; undefined for a block of zeros (the end of the archive). Throws `TarError`. */
export function decodeBlock(block: Buffer): RawHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (number(block, 148, 8) !== checksum(block)) throw new TarError('is damaged: a header has a wrong checksum');
  const ustar = block.toString('latin1', 257, 263);
  const prefix = ustar === 'ustar\0' ? field(block, 345, 155) : Buffer.alloc(0);
  const name = field(block, 0, 100);
  return {
    flag: String.fromCharCode(block[156] || 0x30),
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name,
    link: field(block, 157, 100),
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    major: ustar.startsWith('ustar') ? number(block, 329, 8) : 0,
    minor: ustar.startsWith('ustar') ? number(block, 337, 8) : 0,
  };
}

/** The records of a pax header's content. Throws `TarError`. */
export function decodePax(content: Buffer): PaxRecords {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const digits = space < 0 ? '' : content.toString('latin1', at, space);
    const end = at + Number(digits);
    const equals = content.indexOf(0x3d, space);
    if (
      !/^[1-9][0-9]{0,9}$/.test(digits) ||
      end > content.length ||
      content[end - 1] !== 0x0a ||
      equals < 0 ||
      equals >= end
    )
      throw new TarError('is damaged: a pax header has a malformed record');
    records.set(content.toString('utf8', space + 1, equals), content.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** A header with everything that pax records and GNU's long names say about it. Throws `TarError`. */
export function applyPax(raw: RawHeader, pax: PaxRecords, long: { name?: Buffer; link?: Buffer }): TarHeader {
  for (const key of pax.keys()) {
    if (key.startsWith('GNU.sparse.')) throw new TarError('holds sparse files, which layers may not');
  }
  const path = text(pax.get('path') ?? long.name ?? raw.name);
  const type = typeOf(raw.flag, path);
  const size = paxNumber(pax, 'size') ?? raw.size;
  // GNU tar ignores the size of a hard link too; on all else but files it would hide content.
  if (type !== 'file' && type !== 'hardlink' && size !== 0)
    throw new TarError(`gives content to '${path}', which is a ${type}`);
  const link = type === 'symlink' || type === 'hardlink';
  return {
    path,
    type,
    mode: raw.mode & 0o7777,
    uid: owner(paxNumber(pax, 'uid') ?? raw.uid, path),
    gid: owner(paxNumber(pax, 'gid') ?? raw.gid, path),
    size: type === 'file' ? size : 0,
    target: link ? text(pax.get('linkpath') ?? long.link ?? raw.link) : '',
    ...(type.endsWith('-device') && { device: { major: raw.major, minor: raw.minor } }),
    xattrs: xattrsOf(pax),
  };
}

/**
 * The blocks that announce an entry, in one canonical form: ustar, with GNU's long names and pax records only for what
 * ustar cannot say. Names are never pax records: libarchive (in mke2fs) refuses those outside of a UTF-8 locale.
 */
export function encodeHeader(header: TarHeader, mtime: number): Buffer {
  const path = Buffer.from(header.type === 'folder' ? `${header.path}/` : header.path);
  const target = Buffer.from(header.target);
  return Buffer.concat([
    ...(target.length > 100 ? extension('K', Buffer.concat([target, NUL]), mtime) : []),
    ...(path.length > 100 ? extension('L', Buffer.concat([path, NUL]), mtime) : []),
    ...paxExtension(header, mtime),
    block(flags[header.type], path, target, header, mtime),
  ]);
}

/** How many bytes to add to a content of this size to fill its last block. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Two blocks of zeros. */
export const endOfArchive: Buffer = Buffer.alloc(2 * BLOCK);

const flags: Readonly<Record<TarType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  folder: '5',
  fifo: '6',
};
const types: ReadonlyMap<string, TarType> = new Map(
  Object.entries(flags).map(([type, flag]) => [flag, type as TarType] as const),
);
/** What seven and eleven octal digits can say. */
const LARGEST_ID = 0o7777777;
const LARGEST_SIZE = 0o77777777777;
const NUL = Buffer.alloc(1);

function typeOf(flag: string, path: string): TarType {
  if (flag === '0' && path.endsWith('/')) return 'folder';
  if (flag === '7') return 'file';
  const type = types.get(flag);
  if (type === undefined) throw new TarError(`holds an entry '${path}' of an unknown type '${flag}'`);
  return type;
}

function xattrsOf(pax: PaxRecords): ReadonlyMap<string, Buffer> {
  const xattrs = new Map<string, Buffer>();
  for (const [key, value] of pax) {
    if (key.startsWith('SCHILY.xattr.')) xattrs.set(key.slice('SCHILY.xattr.'.length), Buffer.from(value));
  }
  return xattrs.size > 0 ? xattrs : noXattrs;
}

function paxNumber(pax: PaxRecords, key: string): number | undefined {
  const value = pax.get(key)?.toString('latin1');
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(value)) throw new TarError(`is damaged: '${value}' is no ${key}`);
  return Number(value);
}

/** Linux keeps ids in 32 bits, and the last one means "none". */
function owner(id: number, path: string): number {
  if (id >= 0xffffffff) throw new TarError(`gives '${path}' to the impossible owner ${id}`);
  return id;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function text(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new TarError(`holds a name that is not UTF-8: '${bytes.toString('latin1')}'`);
  }
}

function field(block: Buffer, start: number, length: number): Buffer {
  const end = block.indexOf(0, start);
  return Buffer.from(block.subarray(start, end < 0 || end > start + length ? start + length : end));
}

/** An octal number, or a big-endian one when its first bit is set (GNU's base-256). */
function number(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if (first === 0x80) {
    const value = BigInt(`0x${block.toString('hex', start + 1, start + length)}`);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new TarError('is damaged: a header holds an absurd number');
    return Number(value);
  }
  const octal = block
    .toString('latin1', start, start + length)
    .replace(/^ +/, '')
    .replace(/[\0 ].*$/s, '');
  if (!/^[0-7]*$/.test(octal)) throw new TarError('is damaged: a header holds a malformed number');
  return octal === '' ? 0 : Number.parseInt(octal, 8);
}

function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
}

function paxExtension(header: TarHeader, mtime: number): Buffer[] {
  const records: Buffer[] = [];
  if (header.uid > LARGEST_ID) records.push(paxRecord('uid', Buffer.from(String(header.uid))));
  if (header.gid > LARGEST_ID) records.push(paxRecord('gid', Buffer.from(String(header.gid))));
  if (header.size > LARGEST_SIZE) records.push(paxRecord('size', Buffer.from(String(header.size))));
  for (const [name, value] of [...header.xattrs].sort(([a], [b]) => (a < b ? -1 : 1)))
    records.push(paxRecord(`SCHILY.xattr.${name}`, value));
  return records.length > 0 ? extension('x', Buffer.concat(records), mtime) : [];
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

function extension(flag: string, content: Buffer, mtime: number): Buffer[] {
  const facts = { mode: 0o644, uid: 0, gid: 0, size: content.length };
  const name = Buffer.from(flag === 'x' ? 'PaxHeader' : '././@LongLink');
  return [block(flag, name, Buffer.alloc(0), facts, mtime), content, Buffer.alloc(padding(content.length))];
}

interface BlockFacts {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly device?: { readonly major: number; readonly minor: number };
}

function block(flag: string, path: Buffer, target: Buffer, facts: BlockFacts, mtime: number): Buffer {
  const result = Buffer.alloc(BLOCK);
  path.copy(result, 0, 0, 100);
  octal(result, facts.mode, 100, 8);
  octal(result, facts.uid > LARGEST_ID ? 0 : facts.uid, 108, 8);
  octal(result, facts.gid > LARGEST_ID ? 0 : facts.gid, 116, 8);
  octal(result, facts.size > LARGEST_SIZE ? 0 : facts.size, 124, 12);
  octal(result, mtime, 136, 12);
  result.write(flag, 156, 'latin1');
  target.copy(result, 157, 0, 100);
  result.write('ustar\x0000', 257, 'latin1');
  if (facts.device) {
    octal(result, facts.device.major, 329, 8);
    octal(result, facts.device.minor, 337, 8);
  }
  result.write(`${checksum(result).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return result;
}

function octal(block: Buffer, value: number, start: number, length: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), start, 'latin1');
}
