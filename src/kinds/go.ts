import { z } from 'zod';
import { fail } from '../diagnostic.ts';
import type { Input } from '../graph/task.ts';
import type { Package } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef, PackageKind, PackagePlan, PlanContext } from './kind.ts';
import { packLayer, quote, script } from './script.ts';
import { ownFile, planSource, sourceKeys, unpackInto } from './unpack.ts';

const path = z.string().regex(/^[^/]/, 'a path without a slash at the start');

const goRecipe = z.strictObject({
  ...sourceKeys,
  import: z
    .string()
    .min(1)
    .meta({ description: "The import path of the source. What Debian's Go libraries have of it is laid over it" }),
  own: z.record(z.string(), z.string()).default({}).meta({
    description: 'Further Go packages: the import path, and a folder beside the recipe whose files are added there',
  }),
  programs: z
    .record(path, z.string().min(1))
    .meta({ description: 'What is compiled: the path in the root, and the import path of its main package' }),
  tags: z.array(z.string().regex(/^\w+$/)).default([]).meta({ description: 'Build tags' }),
  set: z
    .record(z.string(), z.string())
    .default({})
    .meta({ description: 'String variables that the linker sets (-X), like main.version' }),
  links: z.record(path, path).default({}).meta({ description: 'Further names of programs (hard links): path to path' }),
  files: z.string().optional().meta({ description: 'A folder beside the recipe that is copied into the root' }),
});

export type GoRecipe = z.infer<typeof goRecipe>;

/** The tree with the Go compiler, and the Go libraries of Debian in source. */
const GO_TOOLS = 'tools/go';
/** The tree that unpacks sources. */
const BUILD_TOOLS = 'tools/build';

/** Static programs in Go, out of a folder of the package and the sources that Debian packages for this: no module proxy. */
export const goKind: PackageKind<GoRecipe> = {
  kind: 'go',
  schema: goRecipe,
  plan: planGo,
};

function planGo(pack: Package<GoRecipe>, context: PlanContext): PackagePlan {
  const tools = toolsOf(context, GO_TOOLS, pack);
  const source = planSource(pack, toolsOf(context, BUILD_TOOLS, pack), context);
  const { files, own } = pack.recipe;
  const folders = Object.values(own).map((folder, index): [string, Input] => [
    `own${index}`,
    ownFile(pack, folder, 'own', Object.keys(own)[index] as string),
  ]);
  const build = commandTask({
    id: `${pack.name}:build`,
    title: `compile ${pack.name}`,
    tools,
    inputs: {
      source: source.source,
      ...Object.fromEntries(folders),
      ...(files !== undefined && { files: ownFile(pack, files, 'files') }),
    },
    outputs: { layer: 'file' },
    pool: 'compile',
    ccache: true,
    script: buildScript(pack.recipe),
  });
  return { tasks: [...source.tasks, build], provides: { layer: artifact(build.id, 'layer') } };
}

function toolsOf(context: PlanContext, name: string, pack: Package): ArtifactRef {
  const { tools } = context.package(name, pack);
  if (tools === undefined) throw fail('plan/no-tools', `package '${name}' is no tools tree`);
  return tools;
}

/** GOPATH mode, as Debian builds: a package is imported from below the first `src/` that has its folder. */
function buildScript(recipe: GoRecipe): string {
  const { import: importPath, own, programs, links, tags, set, files } = recipe;
  const variables = Object.entries(set).map(([variable, value]) => ` -X ${variable}=${value}`);
  const flags = quote(`-s -w -buildid=${variables.join('')}`);
  const builds = Object.entries(programs).map(([target, main]) => {
    const out = quote(`stage/${target}`);
    return `mkdir -p "$(dirname ${out})"\ngo build -trimpath -buildvcs=false -tags ${quote(tags.join(','))} -ldflags ${flags} -o ${out} ${quote(main)}`;
  });
  return script`
umask 022
export GO111MODULE=off GOTOOLCHAIN=local GOPATH=$PWD/go:/usr/share/gocode CGO_ENABLED=0 GOOS=linux GOARCH=arm64
export GOCACHE=$PWD/cache
if [ -w /ccache ]; then export GOCACHE=/ccache/go; fi
mkdir -p stage ${quote(`go/src/${importPath}`)}
${unpackInto(`go/src/${importPath}`, 'source')}
if [ -d ${quote(`/usr/share/gocode/src/${importPath}`)} ]; then
  cp -r --no-preserve=mode,timestamps ${quote(`/usr/share/gocode/src/${importPath}/.`)} ${quote(`go/src/${importPath}`)}
fi
${Object.keys(own)
  .map((each, index) => `mkdir -p ${quote(`go/src/${each}`)} && cp -r in/own${index}/. ${quote(`go/src/${each}`)}`)
  .join('\n')}
${builds.join('\n')}
${Object.entries(links)
  .map(
    ([link, target]) =>
      `mkdir -p "$(dirname ${quote(`stage/${link}`)})" && ln ${quote(`stage/${target}`)} ${quote(`stage/${link}`)}`,
  )
  .join('\n')}
${files === undefined ? '' : 'tar -C in/files --mode=u=rwX,go=rX -c . | tar -C stage -x --no-same-owner'}
${packLayer}
`;
}
