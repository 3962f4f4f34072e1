import { type Content, type Inode, readContent } from './layer.ts';
import type { Root, RootEntry } from './layers.ts';
import { encodeHeader, endOfArchive, padding } from './tar.ts';

/**
 * The bytes of a root as one canonical tar: entries in the root's order, all of one time, owners as numbers. Of several
 * hard links the first holds the content. Given out in pieces of about a megabyte, so the root may be of any size.
 */
export function* rootTar(root: Root, epoch: number): Generator<Buffer> {
  const first = new Map<Inode, string>();
  const writer = pieces();
  for (const { path, inode } of root) {
    const earlier = inode.type === 'folder' ? undefined : first.get(inode);
    if (earlier === undefined) first.set(inode, path);
    yield* writer.add({ bytes: header(path, inode, earlier, epoch) });
    if (earlier === undefined && inode.size > 0) {
      yield* writer.add(inode.content, inode.size);
      yield* writer.add({ bytes: Buffer.alloc(padding(inode.size)) });
    }
  }
  yield* writer.add({ bytes: endOfArchive });
  yield* writer.end();
}

/** The root with a text at the end of one of its files, which stands in for the file's content. Undefined: no such file. */
export function withAppended(root: Root, path: string, text: string): Root | undefined {
  const entry = root.find((candidate) => candidate.path === path);
  if (entry === undefined || entry.inode.type !== 'file') return undefined;
  const bytes = Buffer.concat([contentOf(entry.inode), Buffer.from(text)]);
  const inode: Inode = { ...entry.inode, size: bytes.length, content: { bytes } };
  return root.map((other): RootEntry => (other.inode === entry.inode ? { ...other, inode } : other));
}

const PIECE = 1024 * 1024;

function header(path: string, inode: Inode, earlier: string | undefined, epoch: number): Buffer {
  const { mode, uid, gid, target, device, xattrs, size } = inode;
  const facts = { mode, uid, gid, ...(device && { device }) };
  if (earlier !== undefined) {
    const link = { type: 'hardlink' as const, target: earlier, size: 0, xattrs: new Map() };
    return encodeHeader({ path, ...facts, ...link }, epoch);
  }
  // The root is './' to tar, mke2fs and sqfstar alike.
  return encodeHeader({ path: path === '' ? '.' : path, type: inode.type, ...facts, target, size, xattrs }, epoch);
}

function contentOf(inode: Inode): Buffer {
  const bytes = Buffer.alloc(inode.size);
  readContent(inode.content, bytes, 0);
  return bytes;
}

/** Collects bytes into pieces of the same size. */
function pieces(): { add(content: Content, size?: number): Generator<Buffer>; end(): Generator<Buffer> } {
  let piece = Buffer.allocUnsafe(PIECE);
  let filled = 0;
  return {
    *add(content, size = 'bytes' in content ? content.bytes.length : 0) {
      for (let done = 0; done < size; ) {
        const length = Math.min(PIECE - filled, size - done);
        readContent(content, piece.subarray(filled, filled + length), done);
        filled += length;
        done += length;
        if (filled < PIECE) continue;
        yield piece;
        piece = Buffer.allocUnsafe(PIECE);
        filled = 0;
      }
    },
    *end() {
      if (filled > 0) yield piece.subarray(0, filled);
    },
  };
}
