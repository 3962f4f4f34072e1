import { join } from 'node:path';
import { z } from 'zod';
import type { Package } from '../recipe/model.ts';
import { rootKeys, type ServiceRecipe, serviceKeys } from '../recipe/service.ts';
import { SERVICE_KIND } from '../recipe/services.ts';
import type { PackageKind } from './kind.ts';
import { planRoot, type RootOwner } from './service-root.ts';

const serviceRecipe = z
  .strictObject(serviceKeys)
  .refine(
    (recipe) => Object.keys(rootKeys).filter((key) => key in recipe).length === 1,
    `give exactly one of ${Object.keys(rootKeys).join(', ')}`,
  );

/**
 * A container that boards can name under `onboot`, `services` or `onshutdown`: where its files come from, and what every
 * board that has it starts from. Nothing of it goes into the root until a board does.
 */
export const serviceKind: PackageKind<ServiceRecipe> = {
  kind: SERVICE_KIND,
  schema: serviceRecipe,
  plan: (pack, context) => {
    const { tasks, root } = planRoot(rootOwner(pack), context);
    return { tasks, provides: { service: root } };
  },
};

/** A package of this kind as one who wants a root. */
export function rootOwner(pack: Package<ServiceRecipe>): RootOwner {
  const isThere = (path: string) => pack.files.some((file) => file === path || file.startsWith(`${path}/`));
  const find = (path: string) => (path === '.' || isThere(path) ? join(pack.folder, path) : undefined);
  return { id: pack.name, recipe: pack.recipe, package: pack, at: pack.at, find };
}
