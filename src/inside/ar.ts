import type { ByteSource } from '../image/tar-reader.ts';
import { bytesAt, type Member, type Members, slice, whole } from './member.ts';

const MAGIC = '!<arch>\n';
const HEADER = 60;

/** The members of an `ar` archive: a static library, a .deb. GNU's long names are in the member `//`. */
export const openAr = whole((source: ByteSource): Members | undefined => {
  if (source.size < MAGIC.length || bytesAt(source, 0, MAGIC.length).toString('latin1') !== MAGIC) return undefined;
  const members = new Map<string, Member>();
  let names = '';
  for (let at = MAGIC.length; at + HEADER <= source.size; ) {
    const header = bytesAt(source, at, HEADER).toString('latin1');
    const size = Number(header.slice(48, 58));
    if (!header.endsWith('`\n') || !Number.isInteger(size)) return undefined;
    const content = slice(source, at + HEADER, size);
    const name = nameOf(header.slice(0, 16).trimEnd(), names);
    if (name === '//') names = bytesAt(content, 0, size).toString('latin1');
    const [time, owner, group, mode] = [
      header.slice(16, 28),
      header.slice(28, 34),
      header.slice(34, 40),
      header.slice(40, 48),
    ];
    const facts = `${mode.trim()} ${owner.trim()}:${group.trim()} ${size} ${time.trim()}`;
    members.set(unused(members, name), { facts, content });
    at += HEADER + size + (size % 2);
  }
  return members;
});

/** `name/`, or `/12` for the name at 12 in the table of long ones; `/` is the table of symbols. */
function nameOf(field: string, names: string): string {
  if (/^\/[0-9]+$/.test(field)) return names.slice(Number(field.slice(1))).split('/\n')[0] ?? field;
  return field.length > 1 && field !== '//' ? field.replace(/\/$/, '') : field;
}

/** A library may have several members of one name. */
function unused(members: Members, name: string): string {
  let free = name;
  for (let number = 2; members.has(free); number++) free = `${name} (${number})`;
  return free;
}
