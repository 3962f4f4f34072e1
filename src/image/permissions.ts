import { type Diagnostic, nearest } from '../diagnostic.ts';
import type { Permission } from '../recipe/schema.ts';
import type { Inode } from './layer.ts';
import { followLinks, type Links } from './links.ts';
import { matcher } from './tree-path.ts';

/**
 * Sets modes and owners of recipes on what is there. A path (or glob) that matches nothing is an error
 * (`image/permission-unmatched`), since it is a slip or a leftover. `owner` says whose permissions these are: `busybox`.
 */
export function applyPermissions(
  permissions: readonly Permission[],
  inodes: ReadonlyMap<string, Inode>,
  links: Links,
  owner: string,
): Diagnostic[] {
  return permissions.flatMap((permission) => {
    const found = matching(permission.path, inodes, links);
    for (const inode of found) apply(permission, inode);
    return found.length > 0 ? [] : [unmatched(permission, inodes, owner)];
  });
}

function matching(pattern: string, inodes: ReadonlyMap<string, Inode>, links: Links): Inode[] {
  const path = pattern.replace(/^\/+|\/+$/g, '');
  const real = followLinks(path, links, false);
  const exact = inodes.get(path) ?? (typeof real === 'string' ? inodes.get(real) : undefined);
  if (exact !== undefined) return [exact];
  const matches = matcher(typeof real === 'string' ? real : path);
  return [...inodes]
    .filter(([candidate, inode]) => inode.type !== 'symlink' && matches(candidate))
    .map(([, inode]) => inode);
}

function apply(permission: Permission, inode: Inode): void {
  if (permission.mode !== undefined && inode.type !== 'symlink') inode.mode = Number.parseInt(permission.mode, 8);
  inode.uid = permission.uid ?? inode.uid;
  inode.gid = permission.gid ?? inode.gid;
  inode.meant = true;
}

function unmatched(permission: Permission, inodes: ReadonlyMap<string, Inode>, owner: string): Diagnostic {
  const near = nearest(permission.path, inodes.keys());
  return {
    severity: 'error',
    code: 'image/permission-unmatched',
    message: `${owner} gives a mode or an owner to '${permission.path}', which is not there`,
    ...(near !== undefined && { hint: `did you mean '${near}'?` }),
  };
}
