import type { ByteSource } from '../image/tar-reader.ts';
import { openAr } from './ar.ts';
import { openDisk } from './disk.ts';
import { openElf } from './elf.ts';
import { openExt4 } from './ext4.ts';
import { openFat } from './fat.ts';
import { openGzip } from './gzip.ts';
import { describeLine, lineChanges } from './line-changes.ts';
import { bytesAt, type Members, type Opener } from './member.ts';
import { openTar } from './tar.ts';

/** How it is said that something is in only one of the two. */
export interface Words {
  readonly gone: string;
  readonly come: string;
}

/** The formats that are looked into, and what their members are called. A FAT's boot sector looks like a partition table. */
const formats: readonly { readonly member: string; readonly open: Opener }[] = [
  { member: 'member', open: openTar },
  { member: 'file', open: openExt4 },
  { member: 'file', open: openFat },
  { member: 'partition', open: openDisk },
  { member: 'section', open: openElf },
  { member: 'member', open: openAr },
  { member: 'gzip', open: openGzip },
];

/**
 * The first difference between two files, in words, looked for inside of archives, filesystems, disks and object files as
 * deep as they go: `partition 2: file 'lib/libc.so': section '.text': byte 12 is the first that differs`. Undefined when
 * they are the same.
 */
export function differenceInside(before: ByteSource, now: ByteSource, words: Words): string | undefined {
  const at = firstByte(before, now);
  if (at === undefined) return undefined;
  for (const { member, open } of formats) {
    const one = open(before);
    const two = one && open(now);
    if (!one || !two) continue;
    return differenceOfMembers(one, two, member, words) ?? `the same in another form: ${byteWords(before, now, at)}`;
  }
  return byteWords(before, now, at);
}

function differenceOfMembers(one: Members, two: Members, member: string, words: Words): string | undefined {
  const name = (path: string) => (path.startsWith('(') ? path.slice(1, -1) : `${member} '${path}'`);
  for (const [path, before] of one) {
    const now = two.get(path);
    if (!now) return `${name(path)} ${words.gone}`;
    const inside = before.content && now.content && differenceInside(before.content, now.content, words);
    // That one is longer explains itself where its first other byte is known.
    if (inside !== undefined && sizeless(before.facts) === sizeless(now.facts)) return `${name(path)}: ${inside}`;
    if (before.facts !== now.facts) return `${name(path)}: ${before.facts} became ${now.facts}`;
    if (inside !== undefined) return `${name(path)}: ${inside}`;
  }
  for (const path of two.keys()) if (!one.has(path)) return `${name(path)} ${words.come}`;
  return otherOrder([...one.keys()], [...two.keys()], name);
}

/** Facts without the sizes and times that say no more than that the bytes are others. */
function sizeless(facts: string): string {
  return facts.replace(/\b\d+ bytes/, '').replace(/^(file(?: \d+ \d+:\d+)?) \d+/, '$1');
}

function otherOrder(
  one: readonly string[],
  two: readonly string[],
  name: (path: string) => string,
): string | undefined {
  const at = one.findIndex((path, index) => path !== two[index]);
  return at < 0 ? undefined : `the same in another order: ${name(two[at] ?? '')} is where ${name(one[at] ?? '')} was`;
}

/** Of texts the line that differs, else the byte. */
function byteWords(before: ByteSource, now: ByteSource, at: number): string {
  const [one, two] = [textOf(before), textOf(now)];
  const [line] = one !== undefined && two !== undefined ? lineChanges(one, two) : [];
  if (line) return `line ${line.line}: ${describeLine(line)}`;
  if (at < Math.min(before.size, now.size)) return `byte ${at} is the first that differs`;
  return `one is longer: ${before.size} bytes became ${now.size}`;
}

/** Texts up to so many bytes are compared line by line. */
const LARGEST_TEXT = 1 << 20;

function textOf(source: ByteSource): string | undefined {
  if (source.size > LARGEST_TEXT) return undefined;
  const bytes = bytesAt(source, 0, source.size);
  const text = bytes.toString();
  return bytes.includes(0) || text.includes('\ufffd') ? undefined : text;
}

const PIECE = 1 << 20;

/** The position of the first byte that differs, or where the shorter one ends; undefined: they are the same. */
function firstByte(before: ByteSource, now: ByteSource): number | undefined {
  const end = Math.min(before.size, now.size);
  const [one, two] = [Buffer.alloc(Math.min(PIECE, end)), Buffer.alloc(Math.min(PIECE, end))];
  for (let at = 0; at < end; at += PIECE) {
    const [a, b] = [one.subarray(0, Math.min(PIECE, end - at)), two.subarray(0, Math.min(PIECE, end - at))];
    before.read(a, at);
    now.read(b, at);
    if (!a.equals(b)) return at + a.findIndex((byte, index) => byte !== b[index]);
  }
  return before.size === now.size ? undefined : end;
}
