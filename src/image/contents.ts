import { largest, type Sized } from './largest.ts';
import type { Inode } from './layer.ts';
import type { Root } from './layers.ts';

/** What a root is made of, for people and for the manifest. */
export interface Contents {
  readonly bytes: number;
  readonly files: number;
  readonly layers: readonly { readonly name: string; readonly files: number; readonly bytes: number }[];
  readonly largest: readonly Sized[];
}

/** Counts a root. A file counts for the first layer that brings it, and once however many hard links it has. */
export function contentsOf(root: Root, layers: readonly string[]): Contents {
  const counts = new Map(layers.map((name) => [name, { name, files: 0, bytes: 0 }]));
  const files = sizesOf(root);
  const seen = new Set<Inode>();
  for (const { inode, layers: from } of root) {
    const count = counts.get(from[0] ?? '');
    if (count === undefined || inode.type === 'folder' || seen.has(inode)) continue;
    seen.add(inode);
    count.files += 1;
    count.bytes += inode.size;
  }
  return {
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files: seen.size,
    layers: [...counts.values()],
    largest: largest(files, 10),
  };
}

function sizesOf(root: Root): Sized[] {
  const seen = new Set<Inode>();
  return root.flatMap(({ path, inode }) => {
    if (inode.type !== 'file' || seen.has(inode)) return [];
    seen.add(inode);
    return [{ path, bytes: inode.size }];
  });
}
