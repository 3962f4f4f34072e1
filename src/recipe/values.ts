import type { SourceLocation } from '../diagnostic.ts';

/** The values that a recipe comes to, by path (`kernel.cmdline`, `source.sha256`), and where each is written. */
export interface RecipeValues {
  /** Single values, and lists of them; a list of maps is entered: `users.0.name`. */
  readonly values: Readonly<Record<string, RecipeValue>>;
  /** The place of a value, of an item of a list by its index, or of the nearest thing around it. */
  place(path: string, index?: number): SourceLocation;
}

export type RecipeValue = Single | readonly Single[];
type Single = string | number | boolean | null;

/** A value of a recipe that is another one than it was. */
export interface RecipeChange {
  readonly path: string;
  /** Absent: there was none, or there is none now. */
  readonly before?: Single;
  readonly now?: Single;
  readonly at: SourceLocation;
}

/** Takes a resolved recipe apart. `at` gives the place of a path, as `Board.at` and `Package.at` do. */
export function recipeValues(
  recipe: unknown,
  at: (...path: readonly (string | number)[]) => SourceLocation,
): RecipeValues {
  const values: Record<string, RecipeValue> = {};
  const paths = new Map<string, readonly (string | number)[]>();
  const visit = (value: unknown, path: readonly (string | number)[]): void => {
    if (isSingle(value) || (Array.isArray(value) && value.every(isSingle))) {
      values[path.join('.')] = value as RecipeValue;
      paths.set(path.join('.'), path);
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
    for (const [key, inner] of entries) if (inner !== undefined) visit(inner, [...path, key]);
  };
  visit(recipe, []);
  return {
    values,
    place: (path, index) => {
      const known = paths.get(path) ?? path.split('.');
      return at(...known, ...(index === undefined ? [] : [index]));
    },
  };
}

/** What changed in a recipe since it had these values. */
export function recipeChanges(before: RecipeValues['values'], now: RecipeValues): RecipeChange[] {
  const paths = new Set([...Object.keys(before), ...Object.keys(now.values)]);
  return [...paths].flatMap((path): RecipeChange[] => {
    const [old, value] = [before[path], now.values[path]];
    if (JSON.stringify(old) === JSON.stringify(value)) return [];
    if (isList(old) || isList(value)) return listChanges(path, listOf(old), listOf(value), now);
    return [changeOf(path, old, value, now.place(path))];
  });
}

/** `kernel.version: 6.12.1 -> 6.12.2` */
export function describeChange({ path, before, now }: RecipeChange): string {
  if (before === undefined) return `${path}: ${show(now)} is new`;
  if (now === undefined) return `${path}: ${show(before)} is gone`;
  return `${path}: ${show(before)} -> ${show(now)}`;
}

/** Items that came and went; where one stands in the place of another, as one change. */
function listChanges(
  path: string,
  before: readonly Single[],
  now: readonly Single[],
  values: RecipeValues,
): RecipeChange[] {
  const gone = before.filter((item) => !now.includes(item));
  const come = [...now.entries()].filter(([, item]) => !before.includes(item));
  const changes = come.map(([index, item]) => {
    const replaced = gone.indexOf(before[index] as Single);
    const old = replaced < 0 ? undefined : gone.splice(replaced, 1)[0];
    return changeOf(path, old, item, values.place(path, index));
  });
  return [...changes, ...gone.map((item) => changeOf(path, item, undefined, values.place(path)))];
}

function changeOf(path: string, before: Single | undefined, now: Single | undefined, at: SourceLocation): RecipeChange {
  return { path, at, ...(before !== undefined && { before }), ...(now !== undefined && { now }) };
}

function isSingle(value: unknown): value is Single {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function isList(value: RecipeValue | undefined): value is readonly Single[] {
  return Array.isArray(value);
}

function listOf(value: RecipeValue | undefined): readonly Single[] {
  if (value === undefined) return [];
  return isList(value) ? value : [value];
}

function show(value: Single | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = (text ?? '').replace(/\s*\n\s*/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}
