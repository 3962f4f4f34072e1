import { type ElfLayout, elfLayout, elfText, NO_BITS } from '../image/elf.ts';

/** As much of ELF (System V ABI, "Object Files") as says what a kernel module is. Little-endian, as all of ours are. */

export interface Elf {
  /** The processor, by the name that kernels and OCI images give it; `e_machine` as a number where we have no name. */
  readonly machine: string;
  /** The bytes of a section; undefined: there is none of that name. */
  section(name: string): Buffer | undefined;
}

/** Reads an object file. Undefined: it is none, or not a whole one. */
export function readElf(bytes: Buffer): Elf | undefined {
  const layout = bytes.length < 0x34 ? undefined : elfLayout(bytes);
  if (layout === undefined) return undefined;
  try {
    const sections = sectionsOf(bytes, layout);
    const machine = bytes.readUInt16LE(0x12);
    return { machine: machines.get(machine) ?? `machine ${machine}`, section: (name) => sections.get(name) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** elf.h: EM_386, EM_ARM, EM_X86_64, EM_AARCH64, EM_RISCV. */
const machines: ReadonlyMap<number, string> = new Map([
  [3, '386'],
  [40, 'arm'],
  [62, 'amd64'],
  [183, 'arm64'],
  [243, 'riscv'],
]);

function sectionsOf(bytes: Buffer, layout: ElfLayout): Map<string, Buffer> {
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
  return new Map(headers.map(({ name, content }) => [elfText(names, name), content]));
}
