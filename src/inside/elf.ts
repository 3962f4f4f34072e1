import type { ByteSource } from '../image/tar-reader.ts';
import { bytesAt, type Member, type Members, slice, whole } from './member.ts';

/**
 * The sections of an ELF file (System V ABI, "Object Files"), little-endian, and around them `(header)` and the table of
 * `(sections)`. What lies between sections is no member.
 */
export const openElf = whole((source: ByteSource): Members | undefined => {
  if (source.size < 64) return undefined;
  const header = bytesAt(source, 0, 64);
  if (header.readUInt32BE(0) !== 0x7f454c46 || header[5] !== 1) return undefined;
  const layout = header[4] === 2 ? wide : narrow;
  const start = layout.word(header, layout.table);
  const entry = header.readUInt16LE(layout.counts);
  const count = header.readUInt16LE(layout.counts + 2);
  const namesAt = header.readUInt16LE(layout.counts + 4);
  if (count === 0) return undefined;
  const table = bytesAt(source, start, entry * count);
  const headers = Array.from({ length: count }, (_, index) => table.subarray(index * entry, (index + 1) * entry));
  const namesHeader = headers[namesAt];
  const names = namesHeader
    ? bytesAt(source, layout.word(namesHeader, layout.offset), layout.word(namesHeader, layout.size))
    : Buffer.alloc(0);
  const members = new Map<string, Member>();
  for (const [index, section] of headers.entries()) {
    if (index === 0) continue;
    const name = textAt(names, section.readUInt32LE(0));
    members.set(members.has(name) ? `${name} (section ${index})` : name, memberOf(source, section, layout));
  }
  return new Map([...members, ['(header)', { facts: '', content: slice(source, 0, layout.header) }]]);
});

const NO_BITS = 8;

/** Where the fields of the two classes lie, in bytes. `counts` is e_shentsize, then e_shnum and e_shstrndx. */
interface Layout {
  readonly header: number;
  readonly table: number;
  readonly counts: number;
  readonly offset: number;
  readonly size: number;
  word(bytes: Buffer, at: number): number;
}

const wide: Layout = {
  header: 64,
  table: 0x28,
  counts: 0x3a,
  offset: 0x18,
  size: 0x20,
  word: (bytes, at) => Number(bytes.readBigUInt64LE(at)),
};

const narrow: Layout = {
  header: 52,
  table: 0x20,
  counts: 0x2e,
  offset: 0x10,
  size: 0x14,
  word: (bytes, at) => bytes.readUInt32LE(at),
};

function memberOf(source: ByteSource, section: Buffer, layout: Layout): Member {
  const type = section.readUInt32LE(4);
  const size = layout.word(section, layout.size);
  const content = type === NO_BITS ? undefined : slice(source, layout.word(section, layout.offset), size);
  return { facts: `type ${type}, ${size} bytes`, ...(content && { content }) };
}

function textAt(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString('latin1', start, end === -1 ? undefined : end);
}
