import { join } from 'node:path';
import { z } from 'zod';
import { rootKeys, type ServiceRecipe, serviceKeys } from '../recipe/service.ts';
import { SERVICE_KIND } from '../recipe/services.ts';
import type { PackageKind } from './kind.ts';
import { planRoot } from './service-root.ts';

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
    const isThere = (path: string) => pack.files.some((file) => file === path || file.startsWith(`${path}/`));
    const find = (path: string) => (path === '.' || isThere(path) ? join(pack.folder, path) : undefined);
    const { tasks, root } = planRoot({ id: pack.name, recipe: pack.recipe, package: pack, at: pack.at, find }, context);
    return { tasks, provides: { service: root } };
  },
};
