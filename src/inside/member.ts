import type { ByteSource } from '../image/tar-reader.ts';

/** One thing in an archive, a filesystem, a disk or an object file. */
export interface Member {
  /** All but its bytes, in words that can be compared: `file 644 0:0 12 2026-01-01T00:00:00Z`. */
  readonly facts: string;
  /** Absent: it has none. */
  readonly content?: ByteSource;
}

/** The members of a file by name, in its own order. */
export type Members = ReadonlyMap<string, Member>;

/** Looks into a file; undefined when it is not of the format, or not a whole one. */
export type Opener = (source: ByteSource) => Members | undefined;

/** A stretch of a source as a source. */
export function slice(source: ByteSource, offset: number, size: number): ByteSource {
  if (offset + size > source.size) throw new RangeError('ends behind the file');
  return { size, read: (into, position) => source.read(into, offset + position) };
}

/** So many bytes of a source. Throws a `RangeError` when they are not there. */
export function bytesAt(source: ByteSource, position: number, length: number): Buffer {
  if (position < 0 || position + length > source.size) throw new RangeError('ends behind the file');
  const bytes = Buffer.alloc(length);
  source.read(bytes, position);
  return bytes;
}

/** What an opener gives for a file that turned out not to be whole: undefined. */
export function whole(open: Opener): Opener {
  return (source) => {
    try {
      return open(source);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  };
}

/** Seconds since 1970 as text. */
export function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
