import { z } from 'zod';
import { fail } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import type { Located, Package } from '../recipe/model.ts';
import { checkKconfigTask } from './check-kconfig.ts';
import { artifact, commandTask } from './command.ts';
import { fragmentInputs } from './fragments.ts';
import type { ArtifactRef, PackageKind, PackagePlan, PlanContext } from './kind.ts';
import { makeFolders, makeKey, makeVariables, sysrootInputs } from './make-keys.ts';
import { canonicalTar, crossEnvironment, packLayer, quote, script, useCcache } from './script.ts';
import { ownFile, planSource, sourceKeys, unpackInto } from './unpack.ts';

const kconfigRecipe = z.strictObject({
  ...sourceKeys,
  fragments: z.array(z.string()).min(1).meta({
    description: 'Kconfig fragments beside the recipe; all else is n. Of a symbol named twice the last counts',
  }),
  make: makeKey,
});

export type KconfigRecipe = z.infer<typeof kconfigRecipe>;

const BUILD_TOOLS = 'tools/build';

/**
 * A program that is configured like a kernel of 2006 (busybox): its Kconfig files are called Config.in. What the
 * fragments do not name is n; every symbol that they do name is checked.
 */
export const kconfigKind: PackageKind<KconfigRecipe> = {
  kind: 'kconfig',
  schema: kconfigRecipe,
  plan: planKconfig,
};

function planKconfig(pack: Package<KconfigRecipe>, context: PlanContext): PackagePlan {
  const { tools } = context.package(BUILD_TOOLS, pack);
  if (tools === undefined) throw fail('plan/no-tools', `package '${BUILD_TOOLS}' is no tools tree`);
  const source = planSource(pack, tools, context);
  const fragments = fragmentInputs(pack.recipe.fragments.map((name, index) => located(pack, name, index)));
  const configure = configureTask(pack, tools, source.source, fragments);
  const check = checkKconfigTask(pack.name, fragments, { area: 'kconfig', root: 'Config.in', variables: {} });
  const build = buildTask(pack, tools, source.source, check.config, context);
  return { tasks: [...source.tasks, configure, check.task, build], provides: { layer: artifact(build.id, 'layer') } };
}

function located(pack: Package<KconfigRecipe>, name: string, index: number): Located<string> {
  const input = ownFile(pack, name, 'fragments', index);
  return { value: input.path, at: pack.at('fragments', index) };
}

/**
 * This old kconfig takes nothing from KCONFIG_ALLCONFIG, keeps the first of two values, and gives what becomes visible its
 * default. So every symbol is written down first, n unless a fragment says otherwise, each once; numbers and texts that
 * nobody named get their default by answering oldconfig with an empty line.
 */
function configureTask(
  pack: Package<KconfigRecipe>,
  tools: ArtifactRef,
  source: ArtifactRef,
  fragments: Readonly<Record<string, Input>>,
): Task {
  return commandTask({
    id: `${pack.name}:configure`,
    title: `configure ${pack.name}`,
    tools,
    inputs: { source, ...fragments },
    outputs: { config: 'file', kconfig: 'file' },
    env: { ...crossEnvironment, KCONFIG_NOTIMESTAMP: '1' },
    script: script`
STAGE=$PWD/stage SYSROOT=$PWD/sysroot
${unpackInto('src', 'source')}
cd src
make -s ${makeVariables(pack.recipe.make.variables)} allnoconfig > /dev/null
find . -name 'Config.in' | sort > ../kconfig.list
{
  xargs cat < ../kconfig.list | sed -nE 's/^\s*(menu)?config\s+(\w+).*/# CONFIG_\2 is not set/p'
  for fragment in ../in/fragments/*; do cat "$fragment"; echo; done
} | gawk '
  match($0, /^(# )?(CONFIG_\w+)(=| is not set$)/, part) { line[part[2]] = $0 }
  END { for (symbol in line) print line[symbol] }
' | sort > .config
# make reads as much as it asks, so yes dies of a closed pipe.
{ yes '' || true; } | make -s ${makeVariables(pack.recipe.make.variables)} oldconfig
cp .config ../out/config
${canonicalTar} -c -T ../kconfig.list | gzip -n > ../out/kconfig
`,
  });
}

function buildTask(
  pack: Package<KconfigRecipe>,
  tools: ArtifactRef,
  source: ArtifactRef,
  config: ArtifactRef,
  context: PlanContext,
): Task {
  const { targets, install, variables } = pack.recipe.make;
  return commandTask({
    id: `${pack.name}:build`,
    title: `compile ${pack.name}`,
    tools,
    inputs: { source, config, ...sysrootInputs(pack, context) },
    outputs: { layer: 'file' },
    env: { ...crossEnvironment, KCONFIG_NOTIMESTAMP: '1' },
    ccache: true,
    pool: 'compile',
    expected: 60,
    script: script`
${makeFolders}
${unpackInto('src', 'source')}
cp in/config src/.config
${useCcache}
build() { make -C src CC="$CCACHE aarch64-linux-gnu-gcc" ${makeVariables(variables)} "$@"; }
{ yes '' || true; } | build -s oldconfig > /dev/null
cmp src/.config in/config
build ${targets.map(quote).join(' ')}
build ${quote(install)}
${packLayer}
`,
  });
}
