import type { Diagnostic, SourceLocation } from '../diagnostic.ts';
import type { Check } from './model.ts';
import { recipeProblem } from './problem.ts';
import type { CheckRecipe } from './schema.ts';
import { parseDuration } from './units.ts';

/** A check declares no time limit: how long it may take, before scaling. */
const TIMEOUT = '30s';

/** The checks of a board or package, ready to run. A pattern that is none is added to `problems`. */
export function resolveChecks(
  recipes: readonly CheckRecipe[],
  owner: string,
  at: (...path: (string | number)[]) => SourceLocation,
  problems: Diagnostic[],
): Check[] {
  return recipes.map((recipe, index) => {
    for (const key of ['expect', 'matches'] as const) {
      const wrong = patternError(recipe[key]);
      if (wrong !== undefined) {
        problems.push(recipeProblem('pattern', `this is no regular expression: ${wrong}`, at('checks', index, key)));
      }
    }
    const timeout = parseDuration(recipe.timeout ?? TIMEOUT);
    const retry = parseDuration(recipe.retry ?? '0s');
    const { set, fault, ...rest } = recipe;
    return {
      ...rest,
      timeout,
      retry,
      owner,
      at: at('checks', index, 'name'),
      ...(set && {
        set: Object.entries(set).map(([path, value]) => ({
          value: `${path}=${value}`,
          at: at('checks', index, 'set', path),
        })),
      }),
      ...(fault && {
        fault: Object.entries(fault).map(([chip, words]) => ({
          value: [chip, words] as const,
          at: at('checks', index, 'fault', chip),
        })),
      }),
    };
  });
}

function patternError(pattern: string | undefined): string | undefined {
  if (pattern === undefined) return undefined;
  try {
    new RegExp(pattern);
    return undefined;
  } catch (error) {
    return (error as SyntaxError).message.replace(/^Invalid regular expression: /, '');
  }
}
