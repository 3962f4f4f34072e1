import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { Failure, formatDiagnostic } from '../../src/diagnostic.ts';
import { loadProject } from '../../src/recipe/load.ts';
import type { Project } from '../../src/recipe/model.ts';
import type { KindSchemas } from '../../src/recipe/package.ts';
import { source } from '../../src/recipe/schema.ts';

/** A board `base`, its packages and an overlay, in the place of pibuild's own recipes. */
export const fixtures = resolve(import.meta.dirname, '../fixtures/recipes');

/** Kinds of packages with the sorts of keys that the real ones have, so that a change of those changes no test of the loader. */
export const kinds: KindSchemas = new Map([
  ['kernel', { schema: z.strictObject({ images: z.array(z.string()).optional() }) }],
  ['make', { schema: z.strictObject({ source, make: z.array(z.string()).default([]) }) }],
  [
    'debs',
    {
      schema: z
        .strictObject({ debs: z.array(z.string()).optional(), all: z.boolean().optional() })
        .refine((recipe) => recipe.debs !== undefined || recipe.all === true, 'give `debs`, or `all: true`'),
    },
  ],
]);

/** A folder with these files, gone after the test. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-recipes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    if (path.endsWith('.sh')) chmodSync(join(folder, path), 0o755);
  }
  return folder;
}

/** A user's project of these files over the fixtures, or other recipes. */
export function projectOf(
  files: Readonly<Record<string, string | Uint8Array>>,
  schemas = kinds,
  installation = fixtures,
): Project {
  return loadProject({ folder: folderOf({ 'pibuild.yaml': '', ...files }), installation, kinds: schemas });
}

/** What a user is told by a step that must fail. */
export function complaint(step: () => unknown): string {
  try {
    step();
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics.map(formatDiagnostic).join('\n\n');
    throw error;
  }
  throw new Error('nothing was wrong');
}
