import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '../diagnostic.ts';

/** A member of an `ar` archive, which a .deb is; see deb(5). */
export interface ArMember {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

const MAGIC = '!<arch>\n';
const HEADER = 60;

/**
 * The members of a .deb, in order.
 *
 * @throws Failure `archive/not-a-deb`
 */
export async function readAr(path: string): Promise<ArMember[]> {
  const file = await open(path, 'r');
  try {
    if ((await textAt(file, 0, MAGIC.length)) !== MAGIC) throw notADeb(path, 'it is no ar archive');
    const { size: end } = await file.stat();
    const members: ArMember[] = [];
    for (let at = MAGIC.length; at < end; ) {
      const header = await textAt(file, at, HEADER);
      const size = Number(header.slice(48, 58));
      const offset = at + HEADER;
      if (!header.endsWith('`\n') || !Number.isInteger(size) || size < 0 || offset + size > end)
        throw notADeb(path, 'it is cut short');
      members.push({ name: header.slice(0, 16).trim().replace(/\/$/, ''), offset, size });
      at = offset + size + (size % 2);
    }
    return members;
  } finally {
    await file.close();
  }
}

export function notADeb(path: string, why: string): Error {
  return fail('archive/not-a-deb', `'${path}' cannot be read as a .deb: ${why}`);
}

async function textAt(file: FileHandle, position: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.toString('latin1', 0, bytesRead);
}
