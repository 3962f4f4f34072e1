/**
 * Paths of a root as the merging of layers names them: relative, without `.` and `..`, `/` between names, '' for the
 * root itself.
 */

/** Why a name from an archive is no path of a root, in words that follow the name: `'../x' climbs out of the root`. */
export type PathFault = { readonly fault: string };

/** The path that an archive's name (`./usr/bin/`) stands for. */
export function treePath(name: string): string | PathFault {
  if (name.startsWith('/')) return { fault: 'is absolute' };
  if (name.includes('\0')) return { fault: 'holds a NUL' };
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return { fault: 'climbs out of the root' };
  if (parts.some((part) => Buffer.byteLength(part) > 255)) return { fault: 'has a name of more than 255 bytes' };
  const path = parts.join('/');
  return Buffer.byteLength(path) > 4000 ? { fault: 'is longer than Linux allows' } : path;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The folders above a path, nearest first, without the root itself. */
export function* ancestorsOf(path: string): Generator<string> {
  for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) yield parent;
}

/** In the order of every archive we write: a folder before what is in it, names by their code units. */
export function sortByPath<T extends { readonly path: string }>(items: Iterable<T>): T[] {
  // NUL sorts before every character of a name, as the end of a name must.
  const keyed = [...items].map((item) => ({ item, key: item.path.replaceAll('/', '\0') }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ item }) => item);
}

/**
 * A path of recipes: `etc/shadow`, with or without a leading slash, or a glob. `*` and `?` stand for characters within
 * one name, `**` for any number of names (`etc/**` is everything below `etc`).
 */
export function matcher(pattern: string): (path: string) => boolean {
  const plain = pattern.replace(/^\/+|\/+$/g, '');
  if (!/[*?]/.test(plain)) return (path) => path === plain;
  const expression = plain
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((piece) => wildcards[piece] ?? piece.replace(/[.+^${}()|[\]\\]/g, '\\$&'))
    .join('');
  const regex = new RegExp(`^${expression}$`, 's');
  return (path) => regex.test(path);
}

const wildcards: Readonly<Record<string, string>> = { '**/': '(?:[^/]+/)*', '**': '.+', '*': '[^/]*', '?': '[^/]' };
