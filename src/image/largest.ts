/** A file or folder and the bytes in it. */
export interface Sized {
  readonly path: string;
  readonly bytes: number;
}

/**
 * What takes the room: the largest files and folders, none inside another, largest first. A folder stands for itself
 * unless it is a good part of everything and some of what is in it is too: then that is named instead.
 */
export function largest(files: Iterable<Sized>, count: number): Sized[] {
  const root = treeOf(files);
  if (root.children.size === 0) return [];
  return itemsOf(root, '', root.bytes)
    .sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1))
    .slice(0, count);
}

/** One line each, sizes in front: `  12,345,678  /usr/bin/containerd`. */
export function formatSizes(items: readonly Sized[]): string[] {
  const width = Math.max(0, ...items.map(({ bytes }) => formatBytes(bytes).length));
  return items.map(({ path, bytes }) => `${formatBytes(bytes).padStart(width)}  /${path}`);
}

/** A number of bytes with its digits in groups of three. */
export function formatBytes(bytes: number): string {
  return bytes.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

interface Folder {
  bytes: number;
  readonly children: Map<string, Folder>;
}

function treeOf(files: Iterable<Sized>): Folder {
  const root: Folder = { bytes: 0, children: new Map() };
  for (const { path, bytes } of files) {
    let folder = root;
    folder.bytes += bytes;
    for (const name of path.split('/')) {
      const child = folder.children.get(name) ?? { bytes: 0, children: new Map() };
      folder.children.set(name, child);
      child.bytes += bytes;
      folder = child;
    }
  }
  return root;
}

function itemsOf(folder: Folder, path: string, all: number): Sized[] {
  const biggest = Math.max(0, ...[...folder.children.values()].map(({ bytes }) => bytes));
  const opened = path === '' || (folder.bytes > all / 10 && biggest > all / 20);
  if (folder.children.size === 0 || !opened)
    return [{ path: folder.children.size > 0 ? `${path}/` : path, bytes: folder.bytes }];
  const below = path === '' ? '' : `${path}/`;
  return [...folder.children].flatMap(([name, child]) => itemsOf(child, `${below}${name}`, all));
}
