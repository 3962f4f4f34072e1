import type { Task } from '../../src/graph/task.ts';
import { artifact } from '../../src/kinds/command.ts';
import { packageKinds } from '../../src/kinds/index.ts';
import type { PackagePlan, PlanContext, Provides } from '../../src/kinds/kind.ts';
import { loadProject } from '../../src/recipe/load.ts';
import type { Package } from '../../src/recipe/model.ts';
import { fixtures, folderOf } from './recipes.ts';

/** What other packages provide in these plans. */
const provided: Readonly<Record<string, Provides>> = {
  'tools/build': { tools: artifact('tools/build:unpack', 'tree') },
  libone: { sysroot: artifact('libone:install', 'sysroot') },
  libtwo: { layer: artifact('libtwo:build', 'layer') },
};

/** The plan of the package with this recipe, beside which are a patch, a folder of code and one of files. */
export function planCompiledPackage(recipe: string): PackagePlan {
  const name = /^package: (\S+)/m.exec(recipe)?.[1] ?? '';
  const folder = `packages/${name}`;
  const files = {
    'pibuild.yaml': '',
    [`${folder}/package.yaml`]: recipe,
    [`${folder}/code/Makefile`]: 'all:\n',
    [`${folder}/files/etc/init.d/S50plain.sh`]: 'true\n',
    [`${folder}/patches/first.patch`]: '',
  };
  const project = loadProject({ folder: folderOf(files), installation: fixtures, kinds: packageKinds });
  const pack = project.package(name);
  const context: PlanContext = { project, package: (other) => provided[other] ?? {} };
  const kind = packageKinds.get(pack.kind);
  if (kind === undefined) throw new Error(`no kind ${pack.kind}`);
  return kind.plan(pack as Package<never>, context);
}

/** The task of a plan that compiles. */
export function buildOf(plan: PackagePlan): Task {
  const build = plan.tasks.find(({ id }) => id.endsWith(':build'));
  if (build === undefined) throw new Error('nothing is built');
  return build;
}
