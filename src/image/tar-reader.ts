import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  applyPax,
  BLOCK,
  decodeBlock,
  decodePax,
  type PaxRecords,
  padding,
  type RawHeader,
  TarError,
  type TarHeader,
} from './tar.ts';

/** Bytes that can be read from anywhere: an archive that is indexed once and copied from later. */
export interface ByteSource {
  readonly size: number;
  /** Fills the buffer from this position on; all of it must be there. */
  read(into: Buffer, position: number): void;
}

/** A header, and where in the archive its content is. */
export interface TarMember extends TarHeader {
  readonly offset: number;
}

/** A name longer than this is no name but an attack on memory. Linux allows 4096 for a path. */
const LARGEST_EXTENSION = 1024 * 1024;

export function bufferSource(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read(into, position) {
      if (position + into.length > bytes.length) throw new TarError('ends in the middle');
      bytes.copy(into, 0, position);
    },
  };
}

/** An open file; `close` gives its descriptor back. */
export function fileSource(path: string): ByteSource & { close(): void } {
  const descriptor = openSync(path, 'r');
  return {
    size: fstatSync(descriptor).size,
    read(into, position) {
      for (let done = 0; done < into.length; ) {
        const count = readSync(descriptor, into, done, into.length - done, position + done);
        if (count === 0) throw new TarError('ends in the middle');
        done += count;
      }
    },
    close: () => closeSync(descriptor),
  };
}

/** The archive's entries in order; contents are seeked over. Throws `TarError` for what is not a whole, plain tar. */
export function* tarMembers(source: ByteSource): Generator<TarMember> {
  const view = windowed(source);
  let global: PaxRecords = new Map();
  let pax: PaxRecords | undefined;
  let long: { name?: Buffer; link?: Buffer } = {};
  if (source.size === 0) throw new TarError('is empty');
  for (let at = 0; at < source.size; ) {
    if (at + BLOCK > source.size) throw new TarError('ends in the middle of a header');
    const raw = at === 0 ? firstBlock(view(at, BLOCK)) : decodeBlock(view(at, BLOCK));
    at += BLOCK;
    if (raw === undefined) return;
    if ('xgLK'.includes(raw.flag)) {
      const content = extension(source, at, raw.size);
      at += raw.size + padding(raw.size);
      if (raw.flag === 'x') pax = decodePax(content);
      else if (raw.flag === 'g') global = new Map([...global, ...decodePax(content)]);
      else if (raw.flag === 'L') long = { ...long, name: withoutNul(content) };
      else long = { ...long, link: withoutNul(content) };
      continue;
    }
    const header = applyPax(raw, pax === undefined ? global : new Map([...global, ...pax]), long);
    if (at + header.size > source.size) throw new TarError(`ends in the middle of '${header.path}'`);
    yield { ...header, offset: at };
    at += header.size + padding(header.size);
    pax = undefined;
    long = {};
  }
}

function firstBlock(block: Buffer): RawHeader | undefined {
  try {
    return decodeBlock(block);
  } catch (error) {
    if (error instanceof TarError) throw new TarError('is no uncompressed tar archive');
    throw error;
  }
}

function extension(source: ByteSource, at: number, size: number): Buffer {
  if (size > LARGEST_EXTENSION) throw new TarError(`holds a name or an attribute of ${size} bytes`);
  if (at + size > source.size) throw new TarError('ends in the middle of a name');
  const content = Buffer.alloc(size);
  source.read(content, at);
  return content;
}

function withoutNul(name: Buffer): Buffer {
  const end = name.indexOf(0);
  return end < 0 ? name : name.subarray(0, end);
}

/** Reads ahead a little, since headers of small files are close together. What it returns is valid until the next call. */
function windowed(source: ByteSource): (position: number, length: number) => Buffer {
  const buffer = Buffer.alloc(32 * 1024);
  let start = 0;
  let end = 0;
  return (position, length) => {
    if (position < start || position + length > end) {
      start = position;
      end = Math.min(position + buffer.length, source.size);
      source.read(buffer.subarray(0, end - start), start);
    }
    return buffer.subarray(position - start, position - start + length);
  };
}
