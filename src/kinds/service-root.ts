import { fail } from '../diagnostic.ts';
import type { Task } from '../graph/task.ts';
import type { Package, Service } from '../recipe/model.ts';
import type { RootRecipe } from '../recipe/service.ts';
import type { ServiceRoot } from '../service/model.ts';
import type { PlanContext } from './kind.ts';
import { planDockerfileRoot } from './root-dockerfile.ts';
import { planImageRoot } from './root-image.ts';
import { planOciRoot } from './root-oci.ts';
import { planPackagesRoot } from './root-packages.ts';

/** Who wants a root: a package of kind `service`, or a service that a board describes in full. */
export interface RootOwner extends Pick<Service, 'at' | 'find'> {
  /** What its tasks are called: `<id>:pull`. */
  readonly id: string;
  readonly recipe: RootRecipe;
  /** The package that has the recipe; absent: it is a board's. */
  readonly package?: Package;
}

export interface RootPlan {
  readonly tasks: readonly Task[];
  readonly root: ServiceRoot;
}

/** One way to come by a root: one key of a service's recipe. Pure. Throws a `Failure`. */
export type PlanRoot = (owner: RootOwner, context: PlanContext) => RootPlan;

type RootKey = keyof RootRecipe;

/** The ways to come by a root, by the key that asks for it. */
const ways: Record<RootKey, PlanRoot> = {
  rootfs: planPackagesRoot,
  image: planImageRoot,
  oci: planOciRoot,
  dockerfile: planDockerfileRoot,
};

/** The tasks that make the root of a service. Throws a `Failure`. */
export function planRoot(owner: RootOwner, context: PlanContext): RootPlan {
  const [key] = Object.keys(owner.recipe).filter((each): each is RootKey => each in owner.recipe && each in ways);
  const way = key && ways[key];
  if (way === undefined) throw fail('service/no-root', `'${owner.id}' does not say where its files come from`);
  return way(owner, context);
}
