import { type Diagnostic, didYouMean, type SourceLocation } from '../diagnostic.ts';
import { recipeNames } from './files.ts';

/** The error that there is no board, package or overlay of a name, at the place that asked for it. */
export function unknownRecipe(
  kind: 'board' | 'package' | 'overlay',
  name: string,
  roots: readonly string[],
  at?: SourceLocation,
): Diagnostic {
  const hint = didYouMean(name, recipeNames(roots, `${kind}s`));
  const diagnostic = {
    severity: 'error',
    code: `recipe/unknown-${kind}`,
    message: `there is no ${kind} '${name}'`,
  } as const;
  return { ...diagnostic, ...(hint !== undefined && { hint }), ...(at && { at }) };
}
