import { parentOf } from './tree-path.ts';

/** Symbolic links by their path in the root. */
export type Links = ReadonlyMap<string, string>;

/** A path cannot be followed: the links run in a circle, or lead out of the root. In words that follow the path. */
export interface LinkFault {
  readonly fault: string;
}

/** As many as Linux follows (`MAXSYMLINKS` of the kernel's namei). */
const MOST_LINKS = 40;

/**
 * Where an entry really lies: its parent folders are followed through links, and so is its last name when `whole`
 * (a folder may stand at a link, and then means the folder that the link leads to).
 */
export function followLinks(path: string, links: Links, whole: boolean): string | LinkFault {
  let rest = path === '' ? [] : path.split('/');
  let done: string[] = [];
  for (let followed = 0; rest.length > 0; ) {
    const [part, ...further] = rest as [string, ...string[]];
    rest = further;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (done.length === 0) return { fault: 'goes through a link that leads out of the root' };
      done.pop();
      continue;
    }
    done.push(part);
    const target = rest.length > 0 || whole ? links.get(done.join('/')) : undefined;
    if (target === undefined) continue;
    if (++followed > MOST_LINKS) return { fault: 'goes through links that lead in a circle' };
    done = target.startsWith('/') ? [] : done.slice(0, -1);
    rest = [...target.split('/'), ...rest];
  }
  return done.join('/');
}

/**
 * Links of several layers in one map. Each stands where its own parent folders really lie, which other links decide,
 * so this repeats until nothing moves: `lib/x` becomes `usr/lib/x` once `lib` is known to be a link to `usr/lib`.
 */
export function settleLinks(found: readonly (readonly [path: string, target: string])[]): Links {
  let links: Map<string, string> = new Map();
  for (let round = 0; round < MOST_LINKS; round++) {
    const next = new Map<string, string>();
    for (const [path, target] of found) {
      const place = parentOf(path) === '' ? path : followLinks(path, links, false);
      if (typeof place === 'string') next.set(place, target);
    }
    if (sameLinks(links, next)) break;
    links = next;
  }
  return links;
}

function sameLinks(a: Links, b: Links): boolean {
  if (a.size !== b.size) return false;
  for (const [path, target] of a) if (b.get(path) !== target) return false;
  return true;
}
