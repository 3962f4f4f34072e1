import type { Diagnostic, SourceLocation } from '../diagnostic.ts';

/** An error in a recipe, at its place. */
export function recipeProblem(code: string, message: string, at: SourceLocation, hint?: string): Diagnostic {
  return { severity: 'error', code: `recipe/${code}`, message, at, ...(hint !== undefined && { hint }) };
}
