import type { z } from 'zod';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import { type RecipeDocument, readDocument } from './document.ts';
import { explainIssues } from './explain.ts';

/** A recipe that fits its schema. */
export interface Parsed<T> {
  readonly document: RecipeDocument;
  readonly recipe: T;
}

/** Reads a YAML file. Throws a `Failure` when it is no YAML map. */
export function readYaml(bytes: Uint8Array, file: string): RecipeDocument {
  const read = readDocument(bytes, file);
  if (!read.ok) throw new Failure(...read.diagnostics);
  return read.value;
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
