/** Where things lie in an ELF file (System V ABI, "Object Files"), for those who read its sections. */

/** Offsets of fields in bytes, which the two classes have in different places. */
export interface ElfLayout {
  /** How long the file's header is. */
  readonly header: number;
  /** e_shoff. */
  readonly sections: number;
  /** e_shentsize; e_shnum and e_shstrndx follow. */
  readonly entrySize: number;
  /** sh_offset and sh_size, in a section's header. */
  readonly offset: number;
  readonly size: number;
  word(bytes: Buffer, at: number): number;
}

/** sh_type of a section that takes no room in the file. */
export const NO_BITS = 8;

/** The layout of a little-endian file, by its first bytes (at least 6 of them). Undefined: it is none. */
export function elfLayout(header: Buffer): ElfLayout | undefined {
  if (header.readUInt32BE(0) !== MAGIC || header[DATA] !== LITTLE_ENDIAN) return undefined;
  return header[CLASS] === 2 ? wide : narrow;
}

/** The text that begins at an offset of a table of texts. */
export function elfText(table: Buffer, start: number): string {
  const end = table.indexOf(0, start);
  return table.toString('latin1', start, end === -1 ? undefined : end);
}

const MAGIC = 0x7f454c46;
const CLASS = 4;
const DATA = 5;
const LITTLE_ENDIAN = 1;

const wide: ElfLayout = {
  header: 64,
  sections: 0x28,
  entrySize: 0x3a,
  offset: 0x18,
  size: 0x20,
  word: (bytes, at) => Number(bytes.readBigUInt64LE(at)),
};

const narrow: ElfLayout = {
  header: 52,
  sections: 0x20,
  entrySize: 0x2e,
  offset: 0x10,
  size: 0x14,
  word: (bytes, at) => bytes.readUInt32LE(at),
};
