import type { SourceLocation } from '../diagnostic.ts';
import type { Path, RecipeDocument } from './document.ts';

/** Recipes as values that know the file they came from, also after one board was laid over another. */
export type Tree = { readonly origin: Origin } & (
  | { readonly type: 'leaf'; readonly value: unknown }
  | { readonly type: 'list'; readonly items: readonly Tree[] }
  | TreeMap
);

export interface TreeMap {
  readonly type: 'map';
  readonly entries: ReadonlyMap<string, Tree>;
}

export interface Origin {
  readonly document: RecipeDocument;
  readonly path: Path;
}

/** The tree of a value that stands in a document. What is undefined counts as not there. */
export function treeOf(value: unknown, document: RecipeDocument, path: Path = []): Tree {
  const origin = { document, path };
  if (Array.isArray(value)) {
    return { origin, type: 'list', items: value.map((item, index) => treeOf(item, document, [...path, index])) };
  }
  if (typeof value !== 'object' || value === null) return { origin, type: 'leaf', value };
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return {
    origin,
    type: 'map',
    entries: new Map(entries.map(([key, inner]) => [key, treeOf(inner, document, [...path, key])])),
  };
}

/** One tree laid over another: lists append, maps merge, anything else takes the other's place. */
export function mergeTrees(base: Tree, over: Tree): Tree {
  if (base.type === 'list' && over.type === 'list') return { ...over, items: [...base.items, ...over.items] };
  if (base.type !== 'map' || over.type !== 'map') return over;
  const entries = new Map(base.entries);
  for (const [key, tree] of over.entries) {
    const below = entries.get(key);
    entries.set(key, below === undefined ? tree : mergeTrees(below, tree));
  }
  return { ...over, entries };
}

/** The same tree with every leaf's value put through a function. */
export function mapLeaves(tree: Tree, change: (value: unknown, origin: Origin) => unknown): Tree {
  if (tree.type === 'leaf') return { ...tree, value: change(tree.value, tree.origin) };
  if (tree.type === 'list') return { ...tree, items: tree.items.map((item) => mapLeaves(item, change)) };
  const entries = [...tree.entries].map(([key, inner]): [string, Tree] => [key, mapLeaves(inner, change)]);
  return { ...tree, entries: new Map(entries) };
}

/** The plain value of a tree. */
export function plain(tree: Tree): unknown {
  if (tree.type === 'leaf') return tree.value;
  if (tree.type === 'list') return tree.items.map(plain);
  return Object.fromEntries([...tree.entries].map(([key, inner]) => [key, plain(inner)]));
}

/** The place of the value at a path, or of the nearest thing around it that is there. */
export function placeIn(tree: Tree, path: Path): SourceLocation {
  const { document, path: own } = originOf(tree, path);
  return document.at(own);
}

/** The place of the value at a path, or undefined when no recipe says it (a default). */
export function writtenIn(tree: Tree, path: Path): SourceLocation | undefined {
  const found = path.reduce<Tree | undefined>((inner, step) => inner && child(inner, step), tree);
  if (found === undefined || !found.origin.document.has(found.origin.path)) return undefined;
  return found.origin.document.at(found.origin.path);
}

/** The place of the key at a path. */
export function keyPlaceIn(tree: Tree, path: Path): SourceLocation {
  const { document, path: own } = originOf(tree, path);
  return document.keyAt(own);
}

function originOf(tree: Tree, path: Path): Origin {
  let here = tree;
  for (const step of path) {
    const inner = child(here, step);
    if (inner === undefined) break;
    here = inner;
  }
  return here.origin;
}

/** The entries of the list at a path; none when there is no list. */
export function entriesAt(tree: Tree, path: Path): readonly Tree[] {
  const found = path.reduce<Tree | undefined>((inner, step) => inner && child(inner, step), tree);
  return found?.type === 'list' ? found.items : [];
}

function child(tree: Tree, step: string | number): Tree | undefined {
  if (tree.type === 'map') return tree.entries.get(String(step));
  return tree.type === 'list' ? tree.items[Number(step)] : undefined;
}
