import { type Diagnostic, Failure } from '../diagnostic.ts';
import type { Path, RecipeDocument } from './document.ts';
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
  return mapLeaves(tree, (value, { document, path }) => renderLeaf(value, document, path, variables, problems));
}

/** The same of a value that stands in one document, as plain data. */
export function renderPlain<T>(value: T, document: RecipeDocument, variables: Variables, problems: Diagnostic[]): T {
  const path: (string | number)[] = [];
  const enter = (step: string | number, inner: unknown): unknown => {
    path.push(step);
    const rendered = render(inner);
    path.pop();
    return rendered;
  };
  const render = (inner: unknown): unknown => {
    if (Array.isArray(inner)) return inner.map((item, index) => enter(index, item));
    if (typeof inner !== 'object' || inner === null) return renderLeaf(inner, document, path, variables, problems);
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, enter(key, item)]));
  };
  return render(value) as T;
}

function renderLeaf(
  value: unknown,
  document: RecipeDocument,
  path: Path,
  variables: Variables,
  problems: Diagnostic[],
): unknown {
  if (typeof value !== 'string' || !value.includes('{{')) return value;
  try {
    return renderTemplate(value, variables, (offset, length) => document.within(path, offset, length), document.memo);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(...error.diagnostics);
    return value;
  }
}
