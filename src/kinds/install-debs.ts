import { createWriteStream, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Diagnostic, Failure, unwrap } from '../diagnostic.ts';
import { type Inode, nothing, readContent } from '../image/layer.ts';
import { mergeLayers, type Root, type RootEntry } from '../image/layers.ts';
import { rootTar } from '../image/root-tar.ts';
import { noXattrs } from '../image/tar.ts';
import { fileSource } from '../image/tar-reader.ts';
import { ancestorsOf, matcher, sortByPath } from '../image/tree-path.ts';
import type { TaskKind, Workspace } from './kind.ts';
import { leftOut } from './tools-tree.ts';

export type InstallParams = {
  /** Whose debs these are, for messages. */
  package: string;
  /** Files of the input `tars`: one for each deb, with the names of the debs. */
  tars: string[];
  /** Debian's name of it. */
  architecture: string;
  include: string[];
  exclude: string[];
  boot: string[];
  sysroot: string[];
  links: Record<string, string>;
};

/**
 * Takes out of unpacked debs what a package wants: a `layer` for the root, files for the `boot` partition, and headers and
 * libraries (`sysroot`: `include/`, `lib/`). Node does it, and keeps owners and modes that no ordinary user could unpack.
 *
 * @throws Failure `debs/unmatched` for globs that match nothing, `image/conflict` for debs that do not go together
 */
export const installDebsKind: TaskKind<InstallParams> = {
  kind: 'install-debs',
  revision: 1,
  run: install,
};

/** Where Debian has the headers and libraries of an architecture. */
export function sysrootFolders(architecture: string): string[] {
  return ['usr/include', `usr/lib/${tripletOf(architecture)}`];
}

async function install(workspace: Workspace, params: InstallParams): Promise<void> {
  const sources = params.tars.map((name) => fileSource(join(workspace.input('tars'), name)));
  try {
    const layers = params.tars.map((name, index) => ({
      name: name.replace(/\.tar$/, ''),
      source: sources[index] as (typeof sources)[number],
      permissions: [],
      replace: [],
    }));
    const root = unwrap(mergeLayers(layers, []));
    const { outputs } = workspace.task;
    const unmatched: Diagnostic[] = [];
    const choose = (key: string, globs: readonly string[]) => chosen(root, globs, key, params.package, unmatched);
    const [include, exclude] = [choose('include', params.include), choose('exclude', params.exclude)];
    const [boot, sysroot] = [choose('boot', params.boot), choose('sysroot', params.sysroot)];
    if (unmatched.length > 0) throw new Failure(...unmatched);
    if (outputs.layer) {
      const layer = layerOf(root, include, exclude, params.links);
      for (const line of cutLinks(root, layer)) workspace.log(line);
      await writeLayer(workspace, layer);
    }
    if (outputs.boot) writeBoot(workspace.output('boot'), boot, params.boot);
    if (outputs.sysroot) writeSysroot(workspace, sysroot, tripletOf(params.architecture));
  } finally {
    for (const source of sources) source.close();
  }
}

/** The entries that globs match, themselves or by a folder above. A glob that matches nothing is noted. */
function chosen(
  root: Root,
  globs: readonly string[],
  key: string,
  owner: string,
  unmatched: Diagnostic[],
): ReadonlyMap<string, RootEntry> {
  const found = new Map<string, RootEntry>();
  for (const glob of globs) {
    const matches = matcher(glob);
    const before = found.size;
    const hits = root.filter(({ path }) => path !== '' && (matches(path) || [...ancestorsOf(path)].some(matches)));
    for (const entry of hits) found.set(entry.path, entry);
    if (hits.length > 0 || found.size > before) continue;
    unmatched.push({
      severity: 'error',
      code: 'debs/unmatched',
      message: `\`${key}: ${glob}\` of package '${owner}' matches nothing in its debs`,
      hint: 'globs are of paths without a slash at the start; `*` stays within a folder, `**` does not',
    });
  }
  return found;
}

function layerOf(
  root: Root,
  include: ReadonlyMap<string, RootEntry>,
  exclude: ReadonlyMap<string, RootEntry>,
  links: Readonly<Record<string, string>>,
): Root {
  const documentation = leftOut.map(matcher);
  const isDocumentation = (path: string): boolean =>
    [path, ...ancestorsOf(path)].some((each) => documentation.some((matches) => matches(each)));
  const kept = [...include.values()].filter(({ path }) => !exclude.has(path) && !isDocumentation(path));
  // Folders come along for what is in them, with their modes; empty ones when nothing was taken out of them.
  const needed = new Set(kept.flatMap(({ path }) => [...ancestorsOf(path)]));
  const emptied = new Set([...exclude.keys()].flatMap((path) => [...ancestorsOf(path)]));
  const entries = [
    ...kept.filter(({ path, inode }) => inode.type !== 'folder' || needed.has(path) || !emptied.has(path)),
    ...root.filter(({ path }) => needed.has(path) && !include.has(path)),
    ...Object.entries(links).map(([path, target]) => ({ path, inode: linkTo(target), layers: [] })),
  ];
  return sortByPath(new Map(entries.map((entry) => [entry.path, entry])).values());
}

/** Links that lead to what the debs have, but the layer has not: likely a glob too few, though it may be meant. */
function cutLinks(root: Root, layer: Root): string[] {
  const [all, kept] = [root, layer].map((entries) => new Set(entries.map(({ path }) => path)));
  return layer.flatMap(({ path, inode }) => {
    const target = inode.type === 'symlink' ? linkedPath(path, inode.target) : undefined;
    if (target === undefined || !all?.has(target) || kept?.has(target)) return [];
    return [`'${path}' leads to '${target}', which is left out`];
  });
}

function linkTo(target: string): Inode {
  const facts = { mode: 0o777, uid: 0, gid: 0, xattrs: noXattrs, size: 0, content: nothing, meant: false };
  return { ...facts, type: 'symlink', target };
}

async function writeLayer(workspace: Workspace, root: Root): Promise<void> {
  const target = createWriteStream(workspace.output('layer'));
  await pipeline(Readable.from(rootTar(root, workspace.epoch)), target, { signal: workspace.signal });
}

/** FAT holds plain files alone: links become copies of what they lead to, when that is in the debs too. */
function writeBoot(folder: string, boot: ReadonlyMap<string, RootEntry>, globs: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  const prefixes = globs.map((glob) => ({ matches: matcher(glob), prefix: prefixOf(glob) }));
  for (const [path, { inode }] of boot) {
    const owner = prefixes.find(({ matches }) => matches(path) || [...ancestorsOf(path)].some(matches));
    const file = inode.type === 'symlink' ? boot.get(posix.join(posix.dirname(path), inode.target))?.inode : inode;
    if (file?.type !== 'file') continue;
    write(join(folder, path.slice(owner?.prefix.length ?? 0)), bytesOf(file));
  }
}

/** The folders that a glob begins with. Of a plain path all but its name. */
function prefixOf(glob: string): string {
  const fixed = glob.slice(0, glob.search(/[*?]|$/));
  return fixed.slice(0, fixed.lastIndexOf('/') + 1);
}

/** Debian's folders become `include/` and `lib/`; links and pkg-config files are changed to be true there. */
function writeSysroot(workspace: Workspace, sysroot: ReadonlyMap<string, RootEntry>, triplet: string): void {
  const folder = workspace.output('sysroot');
  mkdirSync(folder, { recursive: true });
  for (const [path, { inode }] of sysroot) {
    const place = sysrootPlace(path, triplet);
    if (place === undefined) continue;
    if (inode.type === 'symlink') addLink(folder, place, sysrootPlace(linkedPath(path, inode.target), triplet));
    else if (inode.type === 'file') write(join(folder, place), sysrootBytes(place, inode, triplet));
  }
}

/** Where a path of Debian's is in a sysroot; undefined: it is neither header nor library. */
function sysrootPlace(path: string, triplet: string): string | undefined {
  const header = /^usr\/include\/(.+)$/.exec(path)?.[1];
  if (header !== undefined) return `include/${header.replace(`${triplet}/`, '')}`;
  const library = new RegExp(`^(?:usr/)?lib/(?:${triplet}/)?(.+)$`).exec(path)?.[1];
  const isLibrary = library !== undefined && /(\.a|\.o|\.so|\.so\.[0-9.]+|pkgconfig\/[^/]+\.pc)$/.test(library);
  if (isLibrary) return `lib/${library}`;
  const package_ = /^usr\/share\/(pkgconfig\/[^/]+\.pc)$/.exec(path)?.[1];
  return package_ === undefined ? undefined : `lib/${package_}`;
}

function linkedPath(path: string, target: string): string {
  return target.startsWith('/') ? target.slice(1) : posix.join(posix.dirname(path), target);
}

function addLink(folder: string, place: string, target: string | undefined): void {
  if (target === undefined) return;
  mkdirSync(dirname(join(folder, place)), { recursive: true });
  symlinkSync(posix.relative(posix.dirname(place), target), join(folder, place));
}

function sysrootBytes(place: string, inode: Inode, triplet: string): Buffer {
  const bytes = bytesOf(inode);
  if (!place.endsWith('.pc')) return bytes;
  const text = bytes.toString('utf8').replaceAll(`/${triplet}`, '');
  return Buffer.from(text.replace(/^prefix=.*$/m, 'prefix=$${pcfiledir}/../..'));
}

function bytesOf(inode: Inode): Buffer {
  const bytes = Buffer.alloc(inode.size);
  readContent(inode.content, bytes, 0);
  return bytes;
}

function write(path: string, bytes: Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

function tripletOf(architecture: string): string {
  return `${{ amd64: 'x86_64', arm64: 'aarch64' }[architecture] ?? architecture}-linux-gnu`;
}
