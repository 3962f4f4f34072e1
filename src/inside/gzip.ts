import { gunzipSync } from 'node:zlib';
import { type ByteSource, bufferSource } from '../image/tar-reader.ts';
import { bytesAt, type Members, timeText, whole } from './member.ts';

/** Larger ones are not unpacked into memory. */
const LARGEST = 256 * 1024 * 1024;

/** What is in a gzip file, and its `(header)`, which has a time and may have a name (RFC 1952). */
export const openGzip = whole((source: ByteSource): Members | undefined => {
  if (source.size < 18 || source.size > LARGEST) return undefined;
  const bytes = bytesAt(source, 0, source.size);
  if (bytes.readUInt16BE(0) !== 0x1f8b) return undefined;
  try {
    const content = bufferSource(gunzipSync(bytes, { maxOutputLength: LARGEST }));
    const header = `made at ${timeText(bytes.readUInt32LE(4))}, flags ${bytes[3]}, level ${bytes[8]}, system ${bytes[9]}`;
    return new Map([
      ['(content)', { facts: `${content.size} bytes`, content }],
      ['(header)', { facts: header }],
    ]);
  } catch {
    return undefined;
  }
});
