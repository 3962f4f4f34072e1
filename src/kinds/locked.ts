import { join } from 'node:path';
import { z } from 'zod';
import type { AptScope, ExtraArchive, Variant } from '../archive/apt.ts';
import { Failure } from '../diagnostic.ts';
import type { Task } from '../graph/task.ts';
import type { DebsLock, Package } from '../recipe/model.ts';
import { aptLibrary, fetchDebs } from './fetch.ts';
import type { PlanContext } from './kind.ts';

/** The keys of a recipe that is made of locked debs: what `pibuild lock` resolves. */
export const lockedDebs = {
  debs: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9.+-]*$/, 'the name of a binary package'))
    .min(1)
    .meta({ description: 'Binary packages; `pibuild lock` adds what they depend on' }),
  distribution: z.enum(['debian', 'ubuntu']).default('debian').meta({ description: 'Whose packages' }),
  suites: z
    .array(z.string())
    .min(1)
    .default(['trixie', 'trixie-updates', 'trixie-security'])
    .meta({ description: 'Where they are looked for: the release and its updates' }),
  components: z
    .array(z.string())
    .min(1)
    .default(['main'])
    .meta({ description: 'Parts of the archive, like main and non-free-firmware' }),
  deps: z
    .boolean()
    .default(true)
    .meta({ description: 'Whether what they depend on is taken too (default true), or exactly the debs named' }),
};

export interface LockedDebsRecipe {
  readonly debs: readonly string[];
  readonly distribution: 'debian' | 'ubuntu';
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly deps: boolean;
  readonly architecture: string;
  /** Of a userland: what its base is. */
  readonly variant?: Variant;
  /** Of a userland: archives of others, with the names of key files beside the recipe. */
  readonly archives?: readonly ExtraArchive[];
}

/** What `pibuild lock` is asked to resolve. */
export interface LockRequest extends AptScope {
  readonly debs: readonly string[];
  readonly deps: boolean;
  readonly variant?: Variant;
}

/** What a package wants locked; undefined: it has no debs. */
export function lockRequest(pack: Package): LockRequest | undefined {
  const recipe = pack.recipe as Partial<LockedDebsRecipe> & { source?: { deb?: string } };
  const { distribution, suites, components, architecture, deps = true, variant } = recipe;
  const debs = recipe.debs ?? (recipe.source?.deb === undefined ? undefined : [recipe.source.deb]);
  if (!debs || !distribution || !suites || !components || !architecture) return undefined;
  const archives = recipe.archives?.map((archive) => ({ ...archive, key: join(pack.folder, archive.key) }));
  return {
    distribution,
    suites,
    components,
    architecture,
    debs,
    deps,
    ...(variant && { variant }),
    ...(archives && archives.length > 0 && { archives }),
  };
}

/** The package that has the apt whose defaults are used on hosts without one. */
export const APT_PACKAGE = 'tools/apt';

/**
 * The lock of a package, which must be of what its recipe asks for now.
 *
 * @throws Failure `archive/not-locked`, `archive/stale-lock`
 */
export function lockOf(pack: Package<LockedDebsRecipe>): DebsLock {
  const { lock, recipe } = pack;
  const hint = `pibuild lock ${pack.name}`;
  if (lock === undefined) {
    throw new Failure({
      severity: 'error',
      code: 'archive/not-locked',
      message: `package '${pack.name}' has debs, but was never locked`,
      hint,
      at: pack.at('debs'),
    });
  }
  const changes = differences(lock, recipe);
  if (changes.length === 0) return lock;
  throw new Failure({
    severity: 'error',
    code: 'archive/stale-lock',
    message: `the lock of package '${pack.name}' is not of what its recipe asks for: ${changes.join(', ')}`,
    hint,
    at: pack.at('debs'),
  });
}

/** The task that downloads the locked debs of a package. */
export function fetchLocked(pack: Package<LockedDebsRecipe>, context: PlanContext): Task {
  return fetchDebs(`${pack.name}:fetch`, lockOf(pack), aptOf(context));
}

/** The apt of the tools, for mirrors that this machine itself knows nothing of. */
export function aptOf(context: Pick<PlanContext, 'project'>): ReturnType<typeof aptLibrary> {
  try {
    return aptLibrary(context.project.package(APT_PACKAGE).lock);
  } catch (error) {
    // Only a help for hosts without apt; who needs that package meets its mistakes there.
    if (error instanceof Failure) return [];
    throw error;
  }
}

function differences(lock: DebsLock, recipe: LockedDebsRecipe): string[] {
  const asked = new Set(recipe.debs);
  const locked = new Set(lock.requested);
  const suites = recipe.suites.join(' ');
  const named = (recipe.archives ?? []).map(({ url }) => `${url.replace(/\/+$/, '')}/`);
  const foreign = new Set(lock.debs.flatMap(({ url }) => (url === undefined || named.includes(url) ? [] : [url])));
  return [
    ...[...asked].filter((name) => !locked.has(name)).map((name) => `'${name}' is new`),
    ...[...locked].filter((name) => !asked.has(name)).map((name) => `'${name}' is no longer asked for`),
    ...(lock.architecture === recipe.architecture ? [] : [`the architecture was ${lock.architecture}`]),
    ...(lock.distribution === recipe.distribution ? [] : [`the distribution was ${lock.distribution}`]),
    ...[...foreign].map((url) => `the archive ${url} is no longer named`),
    ...(lock.variant === recipe.variant ? [] : [`the variant was ${lock.variant}`]),
    ...(lock.suites.join(' ') === suites ? [] : [`the suites were ${lock.suites.join(' ')}`]),
  ];
}
