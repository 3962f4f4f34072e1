import { z } from 'zod';
import { Failure, fail } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import type { Package } from '../recipe/model.ts';
import { moduleName, source } from '../recipe/schema.ts';
import { checkModuleTask } from './check-module.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef, ModuleKernel, PackageKind, PackagePlan, PlanContext } from './kind.ts';
import { type BuildOptions, buildScript } from './module-script.ts';
import { ownSources } from './own-sources.ts';
import { canonicalTar, script } from './script.ts';
import { ownFile, planSource, type SourceKeys, sourceKeys, unpackInto } from './unpack.ts';

const kernelFiles = z.strictObject({
  kernel: z
    .array(z.string().regex(/^[A-Za-z0-9_]/, "a path in the kernel's source, like drivers/i2c/i2c-stub.c"))
    .min(1)
    .meta({ description: "Files (globs) of the board's kernel source; the folder of the first is the module's" }),
});

const kernelModuleRecipe = z.strictObject({
  ...sourceKeys,
  source: z
    .union([...source.options, kernelFiles])
    .optional()
    .meta({ description: "Where the source comes from (default: the package's own folder)" }),
  modules: z
    .array(moduleName)
    .min(1)
    .optional()
    .meta({ description: 'The modules it makes, without .ko (default: the name of the package)' }),
  kbuild: z
    .string()
    .optional()
    .meta({ description: 'The text of Kbuild, for sources that have none (default: one is made of their .c files)' }),
  supersedes: z.array(moduleName).default([]).meta({
    description: "Modules of the kernel itself that these take the place of, like the package's own i2c-stub",
  }),
});

export type KernelModuleRecipe = z.infer<typeof kernelModuleRecipe>;

/** The tree with the cross compiler and make. */
const BUILD_TOOLS = 'tools/build';

/**
 * Modules that are built outside of the kernel, against the development tree of the board's kernel, and checked: a layer
 * with `lib/modules/<release>/updates/*.ko`. A change of the kernel builds them anew, a change of theirs nothing else.
 */
export const kernelModuleKind: PackageKind<KernelModuleRecipe> = {
  kind: 'kernel-module',
  schema: kernelModuleRecipe,
  plan: planKernelModule,
};

/** The names of the modules of a package. */
export function modulesOf({ name, recipe }: Package<KernelModuleRecipe>): readonly string[] {
  return recipe.modules ?? [name.slice(name.lastIndexOf('/') + 1)];
}

function planKernelModule(pack: Package<KernelModuleRecipe>, context: PlanContext): PackagePlan {
  const { tools } = context.package(BUILD_TOOLS, pack);
  if (tools === undefined) throw fail('plan/no-tools', `package '${BUILD_TOOLS}' is no tools tree`);
  const kernel = kernelOf(pack, context);
  const modules = modulesOf(pack);
  const source = planModuleSource(pack, tools, context);
  const build = buildTask(pack, { ...source, tools, kernel, modules }, context);
  if (kernel.dev === undefined) return { tasks: [...source.tasks, build], provides: {} };
  const check = checkModuleTask(pack, { modules, arch: kernel.arch, dev: kernel.dev });
  const files = modules.map((name): [string, ArtifactRef] => [name, artifact(check.id, `ko/${name}.ko`)]);
  return {
    tasks: [...source.tasks, build, check],
    provides: {
      layer: artifact(check.id, 'layer'),
      modules: {
        files: Object.fromEntries(files),
        facts: artifact(check.id, 'facts'),
        symvers: artifact(build.id, 'Module.symvers'),
        supersedes: pack.recipe.supersedes,
      },
    },
  };
}

/** The kernel that it is built for: the board's, unless another is asked for. */
function kernelOf(pack: Package, context: PlanContext): ModuleKernel {
  if (context.moduleKernel) return context.moduleKernel;
  if (context.board === undefined) {
    throw fail('plan/no-board', `package '${pack.name}' is a kernel module: it is built for the kernel of a board`);
  }
  const { kernel } = context.package(context.board.kernel.package.value, pack);
  if (kernel) return { arch: 'arm64', dev: kernel.dev };
  const { value: name, at } = context.board.kernel.package;
  throw new Failure({ severity: 'error', code: 'plan/no-kernel', message: `package '${name}' is no kernel`, at });
}

interface ModuleSource {
  readonly tasks: readonly Task[];
  readonly inputs: Readonly<Record<string, Input>>;
  /** Bash that makes the folder `src` of the inputs. */
  readonly layOut: string;
  /** Patches among the inputs that are still to be applied. */
  readonly patches: readonly string[];
  /** The module's folder in `src`. */
  readonly folder: string;
}

/**
 * What a module is built from. A download is unpacked by a task of its own; what somebody works on (own files, files of the
 * kernel) goes right into the build, since each task costs time after every change.
 */
function planModuleSource(pack: Package<KernelModuleRecipe>, tools: ArtifactRef, context: PlanContext): ModuleSource {
  const { source } = pack.recipe;
  if (source !== undefined && !('kernel' in source) && !('folder' in source)) {
    const unpack = planSource(pack as Package<SourceKeys>, tools, context);
    const layOut = unpackInto('src', 'source');
    return { tasks: unpack.tasks, inputs: { source: unpack.source }, layOut, patches: [], folder: '.' };
  }
  const patches = pack.recipe.patches.map((patch, index): [string, Input] => [
    `patches/${String(index).padStart(3, '0')}-${patch.replaceAll('/', '+')}`,
    ownFile(pack, patch, 'patches', index),
  ]);
  const names = patches.map(([name]) => name);
  if (source !== undefined && 'kernel' in source) {
    const take = takeTask(pack, source.kernel, tools, context);
    const inputs = { source: artifact(take.id, 'source'), ...Object.fromEntries(patches) };
    return {
      tasks: [take],
      inputs,
      layOut: unpackInto('src', 'source'),
      patches: names,
      folder: folderOf(source.kernel),
    };
  }
  const folder = source?.folder ?? '.';
  const files = ownSources(pack, folder, pack.recipe.exclude);
  const inputs = { ...files, ...Object.fromEntries(patches) };
  return { tasks: [], inputs, layOut: 'cp -r in/source src', patches: names, folder: '.' };
}

/** The folder in which the first of the files is. */
function folderOf([first = '']: readonly string[]): string {
  return first.includes('/') ? first.slice(0, first.lastIndexOf('/')) : '.';
}

/** Takes files out of the kernel's source: a task of its own, as that takes longer than to build most modules. */
function takeTask(pack: Package, globs: readonly string[], tools: ArtifactRef, context: PlanContext): Task {
  const name = context.board?.kernel.package.value ?? 'linux';
  const { kernel } = context.package(name, pack);
  if (kernel === undefined) throw fail('plan/no-kernel', `package '${name}' is no kernel`);
  const files = globs.map((glob) => `./${glob}`);
  return commandTask({
    id: `${pack.name}:source`,
    title: `take ${pack.name} out of the kernel`,
    tools,
    inputs: { kernel: kernel.source },
    outputs: { source: 'file' },
    pool: 'disk',
    script: script`
if ! { ${unpackInto('src', 'kernel', files)}; } 2> missing; then
  echo "error: the source of ${name} does not have all files that ${pack.name} is made of" >&2
  sed -n 's/^tar: \(.*\): Not found in archive$/\1/p' missing >&2
  exit 1
fi
${canonicalTar} -C src -c . | zstd -q -3 > out/source
`,
  });
}

type Build = Omit<ModuleSource, 'tasks'> & Pick<BuildOptions, 'modules'> & { tools: ArtifactRef; kernel: ModuleKernel };

function buildTask(pack: Package<KernelModuleRecipe>, build: Build, context: PlanContext): Task {
  const { tools, kernel, modules, inputs, layOut, patches, folder } = build;
  const symvers = pack.depends.flatMap((name, index): [string, Input][] => {
    const parts = context.package(name, pack).modules;
    return parts ? [[`symvers/${index}`, parts.symvers]] : [];
  });
  const { kbuild } = pack.recipe;
  const options: BuildOptions = {
    package: pack.name,
    modules,
    layOut,
    patches,
    folder,
    symvers: symvers.map(([name]) => name),
    make: kernel.make ?? '-C in/kernel',
    arch: kernel.arch,
    ...(kbuild !== undefined && { kbuild }),
  };
  const outputs = modules.map((name): [string, 'file'] => [`ko/${name}.ko`, 'file']);
  return commandTask({
    id: `${pack.name}:build`,
    title: `compile ${pack.name}`,
    tools,
    inputs: { ...inputs, ...Object.fromEntries(symvers), ...(kernel.dev && { kernel: kernel.dev }) },
    outputs: { ...Object.fromEntries(outputs), 'Module.symvers': 'file', modpost: 'file' },
    ccache: true,
    pool: 'compile',
    expected: 10,
    script: buildScript(options),
  });
}
