import { type Diagnostic, type Result, success } from '../diagnostic.ts';
import type { Permission } from '../recipe/schema.ts';
import { type Conflict, conflictDiagnostics, differences, type Side } from './conflict.ts';
import { type Inode, indexLayer, type Layer, type LayerIndex, plainFolder } from './layer.ts';
import { followLinks, type Links, settleLinks } from './links.ts';
import { applyPermissions } from './permissions.ts';
import { ancestorsOf, matcher, parentOf, sortByPath } from './tree-path.ts';

/** One name in the merged root. */
export interface RootEntry {
  readonly path: string;
  readonly inode: Inode;
  /** The layers that bring it; none: a folder that others need. */
  readonly layers: readonly string[];
}

/** The merged root: every path once, folders before what is in them, in `sortByPath` order, the root itself first. */
export type Root = readonly RootEntry[];

/**
 * Merges layers into one root.
 *
 * - Links to folders of any layer hold for all: with `bin -> usr/bin` in one, another's `bin/ls` lies in `usr/bin`,
 *   whichever comes first.
 * - One path in two layers must be the same thing: bytes, mode, owner, target. Else it is an `image/conflict` that
 *   names both, unless the later layer says `replace`.
 * - Folders merge. A folder that is 0755 and root's says nothing about itself, since every build makes such folders;
 *   any other mode or owner is meant, and wins, and two that are meant must agree.
 * - The root itself is 0755 and root's, whatever layers say, since sqfstar takes its mode from elsewhere.
 * - A layer's permissions belong to the layer; the board's come last and on top.
 *
 * All faults of a kind are reported in one run.
 */
export function mergeLayers(layers: readonly Layer[], permissions: readonly Permission[]): Result<Root> {
  const indexes = layers.map((layer) => ({ layer, index: indexLayer(layer) }));
  const unreadable = indexes.flatMap(({ index }) => (index.ok ? [] : index.diagnostics));
  if (unreadable.length > 0) return { ok: false, diagnostics: unreadable };
  const parts = indexes.map(({ layer, index }) => ({ layer, index: index.ok ? index.value : new Map() }));
  const links = linksOf(parts);
  const recipes = new Map(layers.map(({ name, recipe = `'${name}'` }) => [name, recipe]));
  const merge: Merge = { links, recipes, entries: new Map(), conflicts: new Map(), faults: [] };
  for (const part of parts) addLayer(merge, part);
  addFolders(merge);
  const faults = [...merge.faults, ...conflictDiagnostics([...merge.conflicts.values()])];
  if (faults.length > 0) return { ok: false, diagnostics: faults };
  const inodes = new Map([...merge.entries].flatMap(([path, { inode }]) => (path === '' ? [] : [[path, inode]])));
  const unmatched = applyPermissions(permissions, inodes, links, 'the board');
  if (unmatched.length > 0) return { ok: false, diagnostics: unmatched };
  return success(sortByPath(merge.entries.values()));
}

interface Part {
  readonly layer: Layer;
  readonly index: LayerIndex;
}

interface MutableEntry extends RootEntry {
  inode: Inode;
  layers: string[];
}

interface Merge {
  readonly links: Links;
  /** By layer. */
  readonly recipes: ReadonlyMap<string, string>;
  readonly entries: Map<string, MutableEntry>;
  /** By path: one conflict each. */
  readonly conflicts: Map<string, Conflict>;
  readonly faults: Diagnostic[];
}

/** Every link that stands in the end: a later layer's `replace` may put something else in its place. */
function linksOf(parts: readonly Part[]): Links {
  const found = new Map<string, string>();
  for (const { layer, index } of parts) {
    const replaces = replacer(layer);
    for (const [path, inode] of index) {
      if (inode.type === 'symlink' && (!found.has(path) || replaces(path))) found.set(path, inode.target);
      else if (inode.type !== 'symlink' && replaces(path)) found.delete(path);
    }
  }
  return settleLinks([...found]);
}

function replacer(layer: Layer): (path: string) => boolean {
  const matchers = layer.replace.map(matcher);
  return (path) => matchers.some((matches) => matches(path));
}

function addLayer(merge: Merge, { layer, index }: Part): void {
  const places = new Map<string, Inode>();
  const replaced = new Set<string>();
  const replaces = replacer(layer);
  for (const [path, inode] of index) {
    if (path === '') continue;
    const place = followLinks(path, merge.links, inode.type === 'folder');
    if (typeof place !== 'string') {
      merge.faults.push(lost(layer, path, place.fault));
      continue;
    }
    if (replaces(path) || replaces(place)) replaced.add(place);
    const present = { inode: places.get(place) ?? inode, layers: [layer.name] };
    if (present.inode !== inode) join(merge, place, present, inode, layer);
    places.set(place, present.inode);
  }
  merge.faults.push(...applyPermissions(layer.permissions, places, merge.links, `'${layer.name}'`));
  for (const [place, inode] of places) addEntry(merge, layer, place, inode, replaced.has(place));
}

function addEntry(merge: Merge, layer: Layer, path: string, inode: Inode, replace: boolean): void {
  const present = merge.entries.get(path);
  if (replace && inode.type !== 'folder') dropBelow(merge, path);
  if (present === undefined || replace) {
    merge.entries.set(path, { path, inode, layers: [layer.name] });
  } else if (join(merge, path, present, inode, layer)) {
    present.layers.push(layer.name);
  }
}

/** Whether the newcomer at a path is the same as what is there (or a folder that agrees); else notes the conflict. */
function join(
  merge: Merge,
  path: string,
  present: { inode: Inode; layers: string[] },
  newcomer: Inode,
  layer: Layer,
): boolean {
  const old = present.inode;
  if (old.type === 'folder' && newcomer.type === 'folder' && !(old.meant && newcomer.meant)) {
    if (newcomer.meant) present.inode = newcomer;
    return true;
  }
  const differing = differences(old, newcomer);
  if (differing.length === 0) return true;
  if (!merge.conflicts.has(path)) {
    const first = sideOf(merge, present.layers[0], old);
    merge.conflicts.set(path, { path, differing, first, second: sideOf(merge, layer.name, newcomer) });
  }
  return false;
}

function sideOf(merge: Merge, layer: string | undefined, inode: Inode): Side {
  return { layer: layer ?? '', recipe: merge.recipes.get(layer ?? '') ?? '', inode };
}

function dropBelow(merge: Merge, folder: string): void {
  for (const path of merge.entries.keys()) if (path.startsWith(`${folder}/`)) merge.entries.delete(path);
}

/** Makes the folders that nobody brings, and finds what lies below something that is no folder. */
function addFolders(merge: Merge): void {
  merge.entries.set('', { path: '', inode: plainFolder(), layers: [] });
  for (const entry of [...merge.entries.values()]) {
    for (const parent of ancestorsOf(entry.path)) {
      const present = merge.entries.get(parent);
      if (present?.inode.type === 'folder') break;
      if (present === undefined) merge.entries.set(parent, { path: parent, inode: plainFolder(), layers: [] });
      else noteBelow(merge, present, entry);
    }
  }
}

function noteBelow(merge: Merge, present: RootEntry, below: RootEntry): void {
  if (merge.conflicts.has(present.path)) return;
  merge.conflicts.set(present.path, {
    path: present.path,
    differing: ['type'],
    first: sideOf(merge, present.layers[0], present.inode),
    second: sideOf(merge, below.layers[0], plainFolder()),
  });
}

function lost(layer: Layer, path: string, fault: string): Diagnostic {
  const message = `'${path}' of the layer of '${layer.name}' ${fault}`;
  return { severity: 'error', code: 'image/unsafe-path', message, hint: `look at the links above '${parentOf(path)}'` };
}
