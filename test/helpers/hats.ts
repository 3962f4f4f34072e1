import type { Hat } from '../../src/hat/hat.ts';
import type { HatRecipe } from '../../src/hat/schema.ts';
import { hatKind, hatOf } from '../../src/kinds/hat.ts';
import { loadProject } from '../../src/recipe/load.ts';
import type { Package } from '../../src/recipe/model.ts';
import type { KindSchemas } from '../../src/recipe/package.ts';
import { fixtures, folderOf } from './recipes.ts';

const kinds: KindSchemas = new Map([['hat', hatKind]]);

/** The package `hat` with this recipe (but for its first lines) and these files beside it. */
export function hatPackage(recipe: string, files: Readonly<Record<string, string>> = {}): Package<HatRecipe> {
  const beside = Object.entries(files).map(([path, text]) => [`packages/hat/${path}`, text]);
  const folder = folderOf({
    'pibuild.yaml': '',
    'packages/hat/package.yaml': `package: hat\nkind: hat\n${recipe}`,
    ...Object.fromEntries(beside),
  });
  return loadProject({ folder, installation: fixtures, kinds }).package('hat') as Package<HatRecipe>;
}

export function hatFrom(recipe: string, files: Readonly<Record<string, string>> = {}): Hat {
  return hatOf(hatPackage(recipe, files));
}
