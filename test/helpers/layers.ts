import { extract, type Header, pack } from 'tar-stream';
import type { Layer } from '../../src/image/layer.ts';
import type { Root } from '../../src/image/layers.ts';
import { rootTar } from '../../src/image/root-tar.ts';
import { bufferSource } from '../../src/image/tar-reader.ts';

/**
 * Layers as lines of text, one entry each, and back:
 *
 *     etc/ 0755 0:0            a folder
 *     etc/motd 0644 0:0 = hi   a file and its content
 *     bin -> usr/bin           a symbolic link
 *     etc/hard => etc/motd     a hard link
 *     dev/null 0666 0:0 c 1:3  a device
 *
 * Modes and owners may be left out: 0755 for folders, 0644 for files, 0:0. Archives are written and read by tar-stream,
 * so that our own reader and writer are not their own judge.
 */
export async function tarOf(lines: readonly string[]): Promise<Buffer> {
  const archive = pack();
  for (const line of lines) {
    const { content, ...header } = parseEntry(line);
    archive.entry(header, content);
  }
  archive.finalize();
  return collect(archive);
}

export async function layerOf(name: string, lines: readonly string[], more: Partial<Layer> = {}): Promise<Layer> {
  return {
    name,
    source: bufferSource(await tarOf(lines)),
    permissions: [],
    replace: [],
    ...more,
  };
}

/** The lines of an archive. */
export async function linesOf(archive: Buffer): Promise<string[]> {
  const reader = extract();
  reader.end(archive);
  const lines: string[] = [];
  for await (const entry of reader) lines.push(formatEntry(entry.header, (await collect(entry)).toString()));
  return lines;
}

/** The lines of a merged root, by way of the archive that is made of it; without the root folder's own. */
export async function rootLines(root: Root): Promise<string[]> {
  const lines = await linesOf(Buffer.concat([...rootTar(root, 1)]));
  if (lines.shift() !== './ 0755 0:0') throw new Error('the root is not first, or not plain');
  return lines;
}

/** streamx's streams can be iterated, but do not say so in their types. */
async function collect(readable: unknown): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readable as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const ENTRY = /^(\S+?)(?: ([0-7]{3,4}))?(?: (\d+):(\d+))?(?: (->|=>|=|[cb])(?: (.*))?)?$/s;

function parseEntry(line: string): Partial<Header> & { name: string; content: string } {
  const [, name = '', mode, uid = '0', gid = '0', sign, rest = ''] = ENTRY.exec(line) ?? [];
  if (name === '') throw new Error(`no entry: ${line}`);
  const folder = sign === undefined;
  const common = { name, uid: Number(uid), gid: Number(gid), mtime: new Date(99_000), content: '' };
  const bits = { mode: Number.parseInt(mode ?? (folder ? '755' : '644'), 8) };
  if (folder) return { ...common, ...bits, type: 'directory' };
  if (sign === '->') return { ...common, mode: 0o777, type: 'symlink', linkname: rest };
  if (sign === '=>') return { ...common, ...bits, type: 'link', linkname: rest };
  if (sign === '=') return { ...common, ...bits, type: 'file', content: rest };
  const [devmajor = 0, devminor = 0] = rest.split(':').map(Number);
  return { ...common, ...bits, type: sign === 'c' ? 'character-device' : 'block-device', devmajor, devminor };
}

function formatEntry(header: Header, content: string): string {
  const { name, mode = 0, uid, gid, type, linkname, devmajor, devminor } = header;
  const facts = `${name} ${mode.toString(8).padStart(4, '0')} ${uid}:${gid}`;
  if (type === 'directory') return facts;
  if (type === 'symlink') return `${name}${uid === 0 && gid === 0 ? '' : ` ${uid}:${gid}`} -> ${linkname}`;
  if (type === 'link') return `${name} => ${linkname}`;
  if (type === 'file') return `${facts} = ${content}`;
  return `${facts} ${type === 'character-device' ? 'c' : 'b'} ${devmajor}:${devminor}`;
}
