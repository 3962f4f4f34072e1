import type { z } from 'zod';
import type { Project } from './model.ts';

export interface ProjectOptions {
  /** Where the user stands: the project is looked for from here upwards. Absolute. */
  readonly folder: string;
  /** pibuild's own folder, whose recipes are found last. */
  readonly installation: string;
  /** The kinds of packages (`kinds/index.ts`): the loader needs their schemas alone. */
  readonly kinds: ReadonlyMap<string, { readonly schema: z.ZodType }>;
}

/**
 * Finds the project around a folder: the nearest one upwards with a `pibuild.yaml` or a `boards/`, else the folder
 * itself, where only the built-in recipes are found. Reads nothing else yet. Throws a `Failure` for a bad pibuild.yaml.
 */
export function loadProject(_options: ProjectOptions): Project {
  throw new Error('not written yet');
}
