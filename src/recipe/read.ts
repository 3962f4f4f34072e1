import type { z } from 'zod';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import type { RecipeDocument } from './document.ts';
import { explainIssues } from './explain.ts';
import type { Memo } from './memo.ts';

/** What reading a project's files needs to know. */
export interface Reading {
  /** How diagnostics name a file. */
  display(file: string): string;
  readonly memo?: Memo;
}

/** What a document says by a schema. What does not fit is added to `problems`, and the answer is undefined. */
export function parseRecipe<T>(document: RecipeDocument, schema: z.ZodType<T>, problems: Diagnostic[]): T | undefined {
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return parsed.data;
  problems.push(...explainIssues(parsed.error.issues, schema, document));
  return undefined;
}

/** Runs a step that may fail, so that the steps after it still get to tell what is wrong with them. */
export function attempt<T>(problems: Diagnostic[], step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(...error.diagnostics);
    return undefined;
  }
}
