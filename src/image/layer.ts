import { type Diagnostic, type Result, success } from '../diagnostic.ts';
import type { Permission } from '../recipe/schema.ts';
import { noXattrs, TarError, type TarHeader } from './tar.ts';
import { type ByteSource, type TarMember, tarMembers } from './tar-reader.ts';
import { ancestorsOf, treePath } from './tree-path.ts';

/** What is merged: an archive with the facts that decide between it and other layers. */
export interface Layer {
  /** How messages name it: `busybox`, `overlays/base`. */
  readonly name: string;
  readonly source: ByteSource;
  /** Modes and owners of what it brings, where its build could not set them. */
  readonly permissions: readonly Permission[];
  /** Paths (globs) of it that may take the place of what an earlier layer brings. */
  readonly replace: readonly string[];
  /** Whose recipe says so, where that is not the layer's own: `board 'rpi3'`. */
  readonly recipe?: string;
}

/** A file, folder, link or device, whatever its names. Several paths share one where they are hard links of each other. */
export interface Inode {
  readonly type: Exclude<TarHeader['type'], 'hardlink'>;
  mode: number;
  uid: number;
  gid: number;
  /** Of a symbolic link; else empty. */
  readonly target: string;
  readonly device?: TarHeader['device'];
  readonly xattrs: TarHeader['xattrs'];
  readonly size: number;
  readonly content: Content;
  /** Of a folder: whether its mode and owner are meant, not just what `mkdir` and `tar` make of every folder. */
  meant: boolean;
}

/** Where the bytes of a file are: in an archive, or here. */
export type Content = { readonly source: ByteSource; readonly offset: number } | { readonly bytes: Buffer };

/** What one layer brings, by path. */
export type LayerIndex = ReadonlyMap<string, Inode>;

export const nothing: Content = { bytes: Buffer.alloc(0) };

/** A folder as every build makes it: 0755, root's. */
export function plainFolder(): Inode {
  return {
    type: 'folder',
    mode: 0o755,
    uid: 0,
    gid: 0,
    target: '',
    xattrs: noXattrs,
    size: 0,
    content: nothing,
    meant: false,
  };
}

/** Fills a buffer with a content's bytes from this position on. */
export function readContent(content: Content, into: Buffer, position: number): void {
  if ('bytes' in content) content.bytes.copy(into, 0, position);
  else content.source.read(into, content.offset + position);
}

/**
 * Reads what a layer brings, without its contents. Refused (`image/bad-layer`, `image/unsafe-path`): archives that are
 * not whole, names that are absolute or climb out, names that go through a link or file of the same layer, a name
 * twice, hard links to nothing.
 */
export function indexLayer(layer: Layer): Result<LayerIndex> {
  const index = new Map<string, Inode>();
  const faults: Diagnostic[] = [];
  try {
    for (const member of tarMembers(layer.source)) {
      const fault = addMember(layer, index, member);
      if (fault) faults.push(fault);
    }
  } catch (error) {
    if (!(error instanceof TarError)) throw error;
    faults.push(badLayer(layer, error.message));
  }
  for (const path of index.keys()) {
    const fault = throughNonFolder(layer, index, path);
    if (fault) faults.push(fault);
  }
  return faults.length > 0 ? { ok: false, diagnostics: faults.slice(0, MOST_FAULTS) } : success(index);
}

/** Faults of one layer that are told; an archive that is wrong altogether need not be told line by line. */
const MOST_FAULTS = 10;

function addMember(layer: Layer, index: Map<string, Inode>, member: TarMember): Diagnostic | undefined {
  const path = treePath(member.path);
  if (typeof path !== 'string') return unsafe(layer, member.path, path.fault);
  const known = index.get(path);
  if (path === '' && member.type !== 'folder') return badLayer(layer, `makes the root a ${member.type}`);
  if (known !== undefined && (known.type !== 'folder' || member.type !== 'folder'))
    return badLayer(layer, `brings '${path}' twice`);
  const inode = member.type === 'hardlink' ? linked(index, member) : inodeOf(layer, member);
  if (inode === undefined)
    return badLayer(layer, `makes '${path}' a hard link to '${member.target}', which is no file before it`);
  index.set(path, inode);
  return undefined;
}

function linked(index: LayerIndex, member: TarMember): Inode | undefined {
  const target = treePath(member.target);
  const inode = typeof target === 'string' ? index.get(target) : undefined;
  return inode?.type === 'folder' ? undefined : inode;
}

function inodeOf(layer: Layer, member: TarMember): Inode {
  const { mode, uid, gid, target, device, xattrs, size } = member;
  const type = member.type as Inode['type'];
  return {
    type,
    // Linux shows 0777 for every link, whatever an archive says.
    mode: type === 'symlink' ? 0o777 : mode,
    uid,
    gid,
    target,
    ...(device && { device }),
    xattrs,
    size,
    content: size > 0 ? { source: layer.source, offset: member.offset } : nothing,
    meant: mode !== 0o755 || uid !== 0 || gid !== 0 || xattrs.size > 0,
  };
}

function throughNonFolder(layer: Layer, index: LayerIndex, path: string): Diagnostic | undefined {
  for (const parent of ancestorsOf(path)) {
    const inode = index.get(parent);
    if (inode === undefined) continue;
    if (inode.type === 'folder') return undefined;
    return unsafe(layer, path, `goes through '${parent}', a ${inode.type} of the same layer`);
  }
  return undefined;
}

function badLayer(layer: Layer, what: string): Diagnostic {
  return { severity: 'error', code: 'image/bad-layer', message: `the layer of '${layer.name}' ${what}` };
}

function unsafe(layer: Layer, path: string, fault: string): Diagnostic {
  const message = `the layer of '${layer.name}' holds '${path}', which ${fault}`;
  return { severity: 'error', code: 'image/unsafe-path', message };
}
