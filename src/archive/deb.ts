import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Header } from 'tar-stream';
import { fail } from '../diagnostic.ts';
import { notADeb, readAr } from './ar.ts';

/** One member of a .deb's data.tar, with its path checked and in canonical form. */
export interface DebEntry {
  /** Relative, without `./`, `..` or a slash at the end; below `usr/` where Debian's merged folders put it. */
  readonly path: string;
  readonly type: 'file' | 'folder' | 'link' | 'hardlink';
  /** Of a link what it says; of a hard link the path (in the form above) of the file it shares. */
  readonly target: string;
  readonly executable: boolean;
  /** The bytes of a file. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Calls back for each member of a .deb's data.tar, in order, waiting for each call. gz, xz and uncompressed data are read
 * by Node alone; Ubuntu's zstd is not.
 *
 * @throws Failure `archive/not-a-deb`, or `archive/hostile-member` for what could end outside of the folder unpacked to.
 */
export async function eachDebEntry(path: string, entry: (entry: DebEntry) => Promise<void>): Promise<void> {
  const { extract } = await import('tar-stream');
  const data = await openData(path);
  const tar = extract();
  // pipe() keeps errors to itself: the tar would wait for ever.
  data.on('error', (error) => tar.destroy(error));
  data.pipe(tar);
  try {
    for await (const member of tar) {
      const checked = checkEntry(path, member.header, member as AsyncIterable<Uint8Array>);
      if (checked) await entry(checked);
      // What nobody read has to be passed over, or the next member never comes.
      member.resume();
    }
  } catch (error) {
    throw tarError(path, error);
  } finally {
    data.destroy();
  }
}

/** The bytes of the first file of a .deb whose path matches, or undefined. */
export async function readDebFile(path: string, matches: RegExp): Promise<Buffer | undefined> {
  let found: Buffer | undefined;
  await eachDebEntry(path, async (entry) => {
    if (found !== undefined || entry.type !== 'file' || !matches.test(entry.path)) return;
    const chunks: Buffer[] = [];
    for await (const chunk of entry.body) chunks.push(chunk as Buffer);
    found = Buffer.concat(chunks);
  });
  return found;
}

/** Unpacks an .xz that is in memory. */
export async function unpackXz(bytes: Uint8Array): Promise<Buffer> {
  const XzReadableStream = await loadXz();
  const chunks: Uint8Array[] = [];
  const stream = new XzReadableStream(new Blob([bytes as Uint8Array<ArrayBuffer>]).stream() as never);
  for await (const chunk of Readable.fromWeb(stream as never)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

async function openData(path: string): Promise<Readable> {
  const member = (await readAr(path)).find(({ name }) => name.startsWith('data.tar'));
  if (member === undefined) throw notADeb(path, 'it has no data.tar');
  const bytes = createReadStream(path, { start: member.offset, end: member.offset + member.size - 1 });
  switch (member.name) {
    case 'data.tar':
      return bytes;
    case 'data.tar.gz':
      return pipe(bytes, createGunzip());
    case 'data.tar.xz': {
      const XzReadableStream = await loadXz();
      return Readable.fromWeb(new XzReadableStream(Readable.toWeb(bytes) as never) as never);
    }
    default:
      throw notADeb(path, `Node has no reader for ${member.name}`);
  }
}

/** xz-decompress is CommonJS: Node shows what it exports only as its default, a bundler by name too. */
async function loadXz(): Promise<typeof import('xz-decompress').XzReadableStream> {
  const loaded: typeof import('xz-decompress') & { default?: typeof import('xz-decompress') } = await import(
    'xz-decompress'
  );
  return (loaded.default ?? loaded).XzReadableStream;
}

/** pipe() that passes errors on too. */
function pipe<T extends NodeJS.ReadWriteStream & { destroy(error: Error): unknown }>(from: Readable, to: T): T {
  from.on('error', (error) => to.destroy(error));
  return from.pipe(to);
}

function checkEntry(deb: string, header: Header, body: AsyncIterable<Uint8Array>): DebEntry | undefined {
  const path = memberPath(deb, header.name);
  if (path === '') return undefined;
  const executable = ((header.mode ?? 0) & 0o100) !== 0;
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      return { path, type: 'file', target: '', executable, body };
    case 'directory':
      return MERGED.has(path) ? undefined : { path, type: 'folder', target: '', executable, body };
    case 'symlink':
      return { path, type: 'link', target: header.linkname ?? '', executable, body };
    case 'link':
      return { path, type: 'hardlink', target: memberPath(deb, header.linkname ?? ''), executable, body };
    default:
      throw hostile(deb, header.name, `it is a ${header.type ?? 'member of no known type'}`);
  }
}

/** Debian's top folders that are links into usr/: members below them belong there. */
const MERGED: ReadonlySet<string> = new Set(['bin', 'lib', 'lib32', 'lib64', 'libx32', 'sbin']);

function memberPath(deb: string, name: string): string {
  if (name.startsWith('/')) throw hostile(deb, name, 'its path is absolute');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw hostile(deb, name, "its path has '..' in it");
  if (parts.length > 1 && MERGED.has(parts[0] ?? '')) parts.unshift('usr');
  return parts.join('/');
}

export function hostile(deb: string, member: string, why: string): Error {
  const name = deb.split('/').at(-1) ?? deb;
  return fail('archive/hostile-member', `'${name}' holds '${member}', which is refused: ${why}`);
}

/** The readers' own errors mean a broken file; ours and the system's stay what they are. */
function tarError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error.name === 'Failure') return error;
  if ((error as NodeJS.ErrnoException).syscall !== undefined) return error;
  return notADeb(path, error.message);
}
