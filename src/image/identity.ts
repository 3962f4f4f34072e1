import { createHash } from 'node:crypto';

/**
 * Ids that filesystems and disks need, made of names and not of chance: the same board has the same ids in every build.
 */

/** A UUID (RFC 9562, version 8: made as we like) for this purpose of this board: `uuidOf('rpi3', 'root')`. */
export function uuidOf(...names: readonly string[]): string {
  const bytes = digest(names);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A 32-bit id in hexadecimal, never zero: an MBR's disk signature, a FAT's volume id. */
export function shortIdOf(...names: readonly string[]): string {
  const id = digest(names).readUInt32BE(0);
  return (id === 0 ? 1 : id).toString(16).padStart(8, '0');
}

function digest(names: readonly string[]): Buffer {
  return createHash('sha256').update(names.join('\0')).digest();
}
