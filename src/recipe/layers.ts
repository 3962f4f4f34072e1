import { type Diagnostic, Failure, sortDiagnostics } from '../diagnostic.ts';
import { type RecipeDocument, readDocument } from './document.ts';
import { type RecipeFile, readRecipe } from './files.ts';
import { misnamed } from './package.ts';
import { recipeProblem } from './problem.ts';
import { attempt, parseRecipe, type Reading } from './read.ts';
import { type BoardRecipe, board as boardSchema, NAME } from './schema.ts';
import { mergeTrees, type Tree, treeOf } from './tree.ts';
import { unknownRecipe } from './unknown.ts';
import { removeFrom } from './without.ts';

/** A board's recipe and those that it extends, as one. */
export interface LayeredBoard {
  /** The merged recipe, without `extends` and `without`, before templates are filled in. */
  readonly tree: Tree;
  /** The folders of the board and of the ones it extends, by the file of their recipe as diagnostics show it. */
  readonly folders: ReadonlyMap<string, string>;
}

interface Layer {
  readonly name: string;
  readonly root: string;
  readonly folder: string;
  readonly document: RecipeDocument;
  readonly recipe: BoardRecipe | undefined;
}

/** Reads a board and all that it extends. Throws a `Failure` with everything that is wrong in any of them. */
export function readLayers(name: string, roots: readonly string[], reading: Reading): LayeredBoard {
  const problems: Diagnostic[] = [];
  const layers = readChain(name, roots, reading, problems);
  const trees = layers.flatMap(({ recipe, document }) => (recipe === undefined ? [] : [treeOf(recipe, document)]));
  if (problems.length > 0) throw new Failure(...sortDiagnostics(problems));
  const tree = trees.reduceRight((base, over) => layOver(base, over, problems));
  if (problems.length > 0) throw new Failure(...sortDiagnostics(problems));
  return { tree: bare(tree), folders: new Map(layers.map(({ document, folder }) => [document.file, folder])) };
}

/** The board first, then what it extends, to the end or to where the chain breaks. */
function readChain(name: string, roots: readonly string[], reading: Reading, problems: Diagnostic[]): Layer[] {
  const layers: Layer[] = [];
  let next: string | undefined = name;
  while (next !== undefined) {
    const above = layers.at(-1);
    const found = findLayer(next, above, roots);
    if (found === undefined || layers.some(({ folder }) => folder === found.folder)) {
      const at = above?.document.at(['extends']);
      problems.push(
        found === undefined && above?.name !== next ? unknownRecipe('board', next, roots, at) : cycle(layers, next),
      );
      return layers;
    }
    const layer: Layer | undefined = attempt(problems, () => readLayer(next as string, found, reading, problems));
    if (layer === undefined) return layers;
    layers.push(layer);
    next = typeof layer.document.value.extends === 'string' ? layer.document.value.extends : undefined;
  }
  return layers;
}

/** A board that extends one of its own name means pibuild's: so a user adapts a built-in board and keeps its name. */
function findLayer(name: string, above: Layer | undefined, roots: readonly string[]): RecipeFile | undefined {
  if (!NAME.test(name)) return undefined;
  const further = above?.name === name ? roots.slice(roots.indexOf(above.root) + 1) : roots;
  return readRecipe(further, 'boards', name);
}

function readLayer(name: string, found: RecipeFile, reading: Reading, problems: Diagnostic[]): Layer {
  const document = readDocument(found.bytes, reading.display(found.file), reading.memo);
  const recipe = parseRecipe(document, boardSchema, problems);
  const { board, extends: base, without } = document.value;
  if (typeof board === 'string') problems.push(...misnamed('board', name, document));
  if (without !== undefined && base === undefined) {
    problems.push(
      recipeProblem('without', '`without` removes from an extended board, and none is', document.at(['without'])),
    );
  }
  return { name, root: found.root, folder: found.folder, document, recipe };
}

function cycle(layers: readonly Layer[], again: string): Diagnostic {
  const start = layers.findIndex(({ name }) => name === again);
  const ring = layers.slice(start);
  const path = [...ring.map(({ name }) => name), again].join(' -> ');
  const [last, ...others] = ring.map(({ document }) => document.at(['extends'])).reverse();
  if (last === undefined) throw new Error('a circle has at least one board');
  const notes = others.reverse().map((at) => ({ message: 'which is extended from here', at }));
  return { ...recipeProblem('extends-cycle', `boards extend each other in a circle: ${path}`, last), notes };
}

/** `without` speaks of what is extended: a board may remove something and add it again in its own way. */
function layOver(base: Tree, over: Tree, problems: Diagnostic[]): Tree {
  const without = over.type === 'map' ? over.entries.get('without') : undefined;
  const kept = without === undefined ? base : removeFrom(base, without, problems);
  return mergeTrees(less(kept, 'abstract'), over);
}

function bare(tree: Tree): Tree {
  return less(tree, 'extends', 'without');
}

function less(tree: Tree, ...keys: readonly string[]): Tree {
  if (tree.type !== 'map') return tree;
  return { ...tree, entries: new Map([...tree.entries].filter(([key]) => !keys.includes(key))) };
}
