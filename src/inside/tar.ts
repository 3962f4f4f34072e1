import { BLOCK, TarError } from '../image/tar.ts';
import { type ByteSource, type TarMember, tarMembers } from '../image/tar-reader.ts';
import { bytesAt, type Member, type Members, slice, timeText, whole } from './member.ts';

/** The entries of a tar archive. */
export const openTar = whole((source: ByteSource): Members | undefined => {
  if (source.size < 2 * BLOCK || !bytesAt(source, 257, 5).equals(USTAR)) return undefined;
  try {
    return new Map([...tarMembers(source)].map((member) => [member.path, memberOf(source, member)]));
  } catch (error) {
    if (error instanceof TarError) return undefined;
    throw error;
  }
});

const USTAR = Buffer.from('ustar');

function memberOf(source: ByteSource, member: TarMember): Member {
  const { type, mode, uid, gid, size, target, device, xattrs, offset } = member;
  // The time is in the header's own block (ustar, field `mtime`), which is right before the content.
  const seconds = Number.parseInt(bytesAt(source, offset - BLOCK + 136, 12).toString('latin1'), 8);
  const facts = [
    type,
    mode.toString(8),
    `${uid}:${gid}`,
    ...(type === 'file' ? [size] : []),
    Number.isNaN(seconds) ? 'at a time out of range' : timeText(seconds),
    ...(target === '' ? [] : [`-> ${target}`]),
    ...(device === undefined ? [] : [`${device.major},${device.minor}`]),
    ...[...xattrs].map(([name, value]) => `${name}=${value.toString('hex')}`),
  ];
  return { facts: facts.join(' '), ...(type === 'file' && { content: slice(source, offset, size) }) };
}
