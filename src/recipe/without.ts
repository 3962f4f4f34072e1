import { type Diagnostic, didYouMean } from '../diagnostic.ts';
import { recipeProblem } from './problem.ts';
import { placeIn, type Tree } from './tree.ts';

/**
 * Takes out of an extended board what `without` lists: entries of a list by their text (checks by `name`, permissions
 * by `path`), keys of a map by their name. What is not there is a problem: it is misspelt, or was removed below.
 */
export function removeFrom(base: Tree, without: Tree, problems: Diagnostic[], key = 'the extended board'): Tree {
  if (without.type === 'list') return removeEntries(base, without, problems, key);
  if (without.type !== 'map') return base;
  if (base.type !== 'map') return base;
  const entries = new Map(base.entries);
  for (const [name, inner] of without.entries) {
    const below = entries.get(name);
    if (below === undefined) problems.push(nothingThere(inner, name));
    else entries.set(name, removeFrom(below, inner, problems, name));
  }
  return { ...base, entries };
}

function removeEntries(base: Tree, without: Tree & { type: 'list' }, problems: Diagnostic[], key: string): Tree {
  const there = namesOf(base);
  for (const item of without.items) {
    const name = nameOf(item);
    if (there.includes(name)) continue;
    const at = placeIn(item, []);
    problems.push(
      recipeProblem('without', `'${name}' is not in '${key}' of the extended board`, at, didYouMean(name, there)),
    );
  }
  const gone = new Set(without.items.map(nameOf));
  if (base.type === 'list') return { ...base, items: base.items.filter((item) => !gone.has(nameOf(item))) };
  if (base.type !== 'map') return base;
  return { ...base, entries: new Map([...base.entries].filter(([name]) => !gone.has(name))) };
}

function nothingThere(tree: Tree, key: string): Diagnostic {
  return recipeProblem(
    'without',
    `the extended board has no '${key}' to remove from`,
    tree.origin.document.keyAt(tree.origin.path),
  );
}

function namesOf(tree: Tree): string[] {
  if (tree.type === 'list') return tree.items.map(nameOf);
  return tree.type === 'map' ? [...tree.entries.keys()] : [];
}

/** What an entry of a list is called: its text, or its `name` or `path`. */
function nameOf(tree: Tree): string {
  if (tree.type === 'leaf') return String(tree.value);
  if (tree.type !== 'map') return '';
  const name = tree.entries.get('name') ?? tree.entries.get('path');
  return name === undefined ? '' : nameOf(name);
}
