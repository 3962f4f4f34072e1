/** As much of ELF (System V ABI, "Object Files") as says what a kernel module is. Little-endian, as all of ours are. */

export interface Elf {
  /** The processor, by the name that kernels and OCI images give it; `e_machine` as a number where we have no name. */
  readonly machine: string;
  /** The bytes of a section; undefined: there is none of that name. */
  section(name: string): Buffer | undefined;
}

/** Reads an object file. Undefined: it is none, or not a whole one. */
export function readElf(bytes: Buffer): Elf | undefined {
  if (bytes.length < 0x34 || bytes.readUInt32BE(0) !== MAGIC || bytes[DATA] !== LITTLE_ENDIAN) return undefined;
  try {
    const sections = sectionsOf(bytes, bytes[CLASS] === 2 ? wide : narrow);
    const machine = bytes.readUInt16LE(0x12);
    return { machine: machines.get(machine) ?? `machine ${machine}`, section: (name) => sections.get(name) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const MAGIC = 0x7f454c46;
const CLASS = 4;
const DATA = 5;
const LITTLE_ENDIAN = 1;

/** elf.h: EM_386, EM_ARM, EM_X86_64, EM_AARCH64, EM_RISCV. */
const machines: ReadonlyMap<number, string> = new Map([
  [3, '386'],
  [40, 'arm'],
  [62, 'amd64'],
  [183, 'arm64'],
  [243, 'riscv'],
]);

/** Where the fields of the two classes lie, in bytes. */
interface Layout {
  readonly sections: number;
  /** e_shentsize; e_shnum and e_shstrndx follow. */
  readonly entrySize: number;
  readonly offset: number;
  readonly size: number;
  word(bytes: Buffer, at: number): number;
}

const wide: Layout = {
  sections: 0x28,
  entrySize: 0x3a,
  offset: 0x18,
  size: 0x20,
  word: (bytes, at) => Number(bytes.readBigUInt64LE(at)),
};

const narrow: Layout = {
  sections: 0x20,
  entrySize: 0x2e,
  offset: 0x10,
  size: 0x14,
  word: (bytes, at) => bytes.readUInt32LE(at),
};

const NO_BITS = 8;

function sectionsOf(bytes: Buffer, layout: Layout): Map<string, Buffer> {
  const start = layout.word(bytes, layout.sections);
  const entrySize = bytes.readUInt16LE(layout.entrySize);
  const count = bytes.readUInt16LE(layout.entrySize + 2);
  const headers = Array.from({ length: count }, (_, index) => {
    const at = start + index * entrySize;
    const offset = layout.word(bytes, at + layout.offset);
    const size = bytes.readUInt32LE(at + 4) === NO_BITS ? 0 : layout.word(bytes, at + layout.size);
    if (offset + size > bytes.length) throw new RangeError('a section ends behind the file');
    return { name: bytes.readUInt32LE(at), content: bytes.subarray(offset, offset + size) };
  });
  const names = headers[bytes.readUInt16LE(layout.entrySize + 4)]?.content ?? Buffer.alloc(0);
  return new Map(headers.map(({ name, content }) => [textAt(names, name), content]));
}

function textAt(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString('latin1', start, end === -1 ? undefined : end);
}
