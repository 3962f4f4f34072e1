import type { Task } from '../graph/task.ts';
import type { Package } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef, ModuleKernel } from './kind.ts';
import { script } from './script.ts';
import { ownFile } from './unpack.ts';

/** The package that has the source of the program which loads modules in images that hold nothing else. */
export const LOADER_PACKAGE = 'module-loader';

const triplets = { arm64: 'aarch64-linux-gnu', amd64: 'x86_64-linux-gnu' };

/** The task that compiles the loader for the processor of a kernel: the artifact `loader`. */
export function planLoader(
  pack: Package,
  arch: ModuleKernel['arch'],
  tools: ArtifactRef,
): { task: Task; loader: ArtifactRef } {
  const triplet = triplets[arch];
  const task = commandTask({
    id: `${pack.name}:static-${arch}`,
    title: `compile the loader of modules for ${arch}`,
    tools,
    inputs: {
      'source/loader.c': ownFile(pack, 'src/loader.c', 'source', 'folder'),
      'source/Makefile': ownFile(pack, 'src/Makefile', 'source', 'folder'),
    },
    outputs: { loader: 'file' },
    script: script`
cp -r in/source src
make -C src CC=${triplet}-gcc
${triplet}-strip -o out/loader src/module-loader
`,
  });
  return { task, loader: artifact(task.id, 'loader') };
}
