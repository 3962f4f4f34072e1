import { type Diagnostic, Failure } from '../diagnostic.ts';
import type { Variables } from './model.ts';
import { renderTemplate } from './template.ts';
import { mapLeaves, type Tree } from './tree.ts';

/** The same as `renderTree`, but of some keys of a recipe alone. */
export function renderKeys(
  tree: Tree,
  isMeant: (key: string) => boolean,
  variables: Variables,
  problems: Diagnostic[],
): Tree {
  if (tree.type !== 'map') return tree;
  const entries = [...tree.entries].map(([key, inner]): [string, Tree] => {
    return [key, isMeant(key) ? renderTree(inner, variables, problems) : inner];
  });
  return { ...tree, entries: new Map(entries) };
}

/** A recipe with its templates filled in; what is wrong with them is added to `problems`. */
export function renderTree(tree: Tree, variables: Variables, problems: Diagnostic[]): Tree {
  return mapLeaves(tree, (value, { document, path }) => {
    if (typeof value !== 'string' || !value.includes('{{')) return value;
    try {
      return renderTemplate(value, variables, (offset, length) => document.within(path, offset, length));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      problems.push(...error.diagnostics);
      return value;
    }
  });
}
