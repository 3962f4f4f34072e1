import { z } from 'zod';
import { fail } from '../diagnostic.ts';
import type { Input } from '../graph/task.ts';
import type { Package } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import type { PackageKind, PackagePlan, PlanContext } from './kind.ts';
import { packLayer, quote, script } from './script.ts';
import { ownFile } from './unpack.ts';

const path = z.string().regex(/^[^/]/, 'a path without a slash at the start');

const goRecipe = z.strictObject({
  programs: z
    .record(path, z.string().min(1))
    .meta({ description: 'What is compiled: the path in the root, and the Go package with its main function' }),
  source: z
    .string()
    .optional()
    .meta({ description: 'A folder beside the recipe with a Go package of its own, named like the package' }),
  tags: z.array(z.string().regex(/^\w+$/)).default([]).meta({ description: 'Build tags' }),
  set: z
    .record(z.string(), z.string())
    .default({})
    .meta({ description: 'Values of string variables that the linker sets, like main.version (-X)' }),
  links: z.record(path, z.string()).default({}).meta({ description: 'Links to add to the root: path to target' }),
  files: z.string().optional().meta({ description: 'A folder beside the recipe that is copied into the root' }),
});

export type GoRecipe = z.infer<typeof goRecipe>;

/** The tree with the Go compiler, and the Go libraries of Debian in source. */
const GO_TOOLS = 'tools/go';

/** Static programs in Go, out of a folder of the package and the sources that Debian packages for this: no module proxy. */
export const goKind: PackageKind<GoRecipe> = {
  kind: 'go',
  schema: goRecipe,
  plan: planGo,
};

function planGo(pack: Package<GoRecipe>, context: PlanContext): PackagePlan {
  const { tools } = context.package(GO_TOOLS, pack);
  if (tools === undefined) throw fail('plan/no-tools', `package '${GO_TOOLS}' is no tools tree`);
  const { source, files } = pack.recipe;
  const inputs: Record<string, Input> = {};
  if (source !== undefined) inputs.source = ownFile(pack, source, 'source');
  if (files !== undefined) inputs.files = ownFile(pack, files, 'files');
  const task = commandTask({
    id: `${pack.name}:build`,
    title: `compile ${pack.name}`,
    tools,
    inputs,
    outputs: { layer: 'file' },
    pool: 'compile',
    ccache: true,
    script: buildScript(pack),
  });
  return { tasks: [task], provides: { layer: artifact(task.id, 'layer') } };
}

/** GOPATH mode, as Debian builds: what a package imports is what is below the first `src/` that has it. */
function buildScript({ name, recipe }: Package<GoRecipe>): string {
  const { programs, source, tags, set, links, files } = recipe;
  const variables = Object.entries(set).map(([variable, value]) => ` -X ${variable}=${value}`);
  const options = `-trimpath -buildvcs=false -tags ${quote(tags.join(','))} -ldflags ${quote(`-s -w -buildid=${variables.join('')}`)}`;
  return script`
umask 022
export GO111MODULE=off GOTOOLCHAIN=local GOPATH=$PWD/go:/usr/share/gocode CGO_ENABLED=0 GOOS=linux GOARCH=arm64
export GOFLAGS=-p=$(nproc) GOCACHE=$PWD/cache
if [ -w /ccache ]; then export GOCACHE=/ccache/go; fi
mkdir -p go/src stage
${source === undefined ? '' : `cp -r in/source go/src/${quote(name)}`}
${Object.entries(programs)
  .map(
    ([target, main]) =>
      `mkdir -p "$(dirname stage/${quote(target)})"\ngo build ${options} -o stage/${quote(target)} ${quote(main)}`,
  )
  .join('\n')}
${Object.entries(links)
  .map(([link, target]) => `mkdir -p "$(dirname stage/${quote(link)})"\nln -s ${quote(target)} stage/${quote(link)}`)
  .join('\n')}
${files === undefined ? '' : 'tar -C in/files --mode=u=rwX,go=rX -c . | tar -C stage -x --no-same-owner'}
${packLayer}
`;
}
