import { type ElfLayout, elfLayout, elfText, NO_BITS } from '../image/elf.ts';
import type { ByteSource } from '../image/tar-reader.ts';
import { bytesAt, type Member, type Members, slice, whole } from './member.ts';

/**
 * The sections of an ELF file (System V ABI, "Object Files"), little-endian, and around them `(header)` and the table of
 * `(sections)`. What lies between sections is no member.
 */
export const openElf = whole((source: ByteSource): Members | undefined => {
  if (source.size < 64) return undefined;
  const header = bytesAt(source, 0, 64);
  const layout = elfLayout(header);
  if (layout === undefined) return undefined;
  const start = layout.word(header, layout.sections);
  const entry = header.readUInt16LE(layout.entrySize);
  const count = header.readUInt16LE(layout.entrySize + 2);
  const namesAt = header.readUInt16LE(layout.entrySize + 4);
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
    const name = elfText(names, section.readUInt32LE(0));
    members.set(members.has(name) ? `${name} (section ${index})` : name, memberOf(source, section, layout));
  }
  return new Map([...members, ['(header)', { facts: '', content: slice(source, 0, layout.header) }]]);
});

function memberOf(source: ByteSource, section: Buffer, layout: ElfLayout): Member {
  const type = section.readUInt32LE(4);
  const size = layout.word(section, layout.size);
  const content = type === NO_BITS ? undefined : slice(source, layout.word(section, layout.offset), size);
  return { facts: `type ${type}, ${size} bytes`, ...(content && { content }) };
}
