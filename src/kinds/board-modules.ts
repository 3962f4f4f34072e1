import { type Diagnostic, Failure, type SourceLocation } from '../diagnostic.ts';
import type { Input, Task, TaskId } from '../graph/task.ts';
import type { NeededOption } from '../kconfig/needed.ts';
import type { Declared } from '../module/declared.ts';
import { moduleKey } from '../module/module-info.ts';
import type { Board, BoardModule } from '../recipe/model.ts';
import { type CheckBoardModulesParams, checkBoardModulesKind } from './check-board-modules.ts';
import { artifact, commandTask } from './command.ts';
import type { ImageLayer } from './image.ts';
import type { ArtifactRef, KernelParts, ModuleParts } from './kind.ts';
import { type ListModulesParams, listModulesKind } from './list-modules.ts';
import { packLayer, script } from './script.ts';

/** A package of kernel modules that the board has. */
export interface ModulePackage {
  readonly name: string;
  readonly parts: ModuleParts;
  /** A tar of `lib/modules/<release>/updates`. */
  readonly layer: ArtifactRef;
  /** Where its recipe names the modules, by name. */
  at(module: string): SourceLocation;
}

export interface BoardModulesOptions {
  /** In the order in which they are loaded. */
  readonly modules: readonly BoardModule[];
  readonly kernel: KernelParts;
  readonly packages: readonly ModulePackage[];
  /** The packages of kernel modules that there are besides. */
  readonly others: readonly string[];
  /** Kernel options that packages of the board cannot do without. */
  readonly options: readonly NeededOption[];
  /** A tree with depmod. */
  readonly tools: ArtifactRef;
}

/**
 * The tasks of a board's modules, and the layer they make: what depmod makes of all modules together, so that the root may
 * be read-only, the list for the start scripts (etc/modules-load.d, as modules-load.d(5) has it) and the parameters
 * (etc/modprobe.d). Before the kernel is compiled it is known that it will have what is asked of it.
 *
 * - `<board>:modules-check`: every module named is one that the configuration or a package makes
 * - `<board>:modules-list`: names and parameters against what was built
 * - `<board>:modules`: depmod
 *
 * @throws Failure `module/duplicate` for two packages that make a module of the same name
 */
export function planBoardModules(board: Board, options: BoardModulesOptions): { tasks: Task[]; layer: ImageLayer } {
  refuseDuplicates(options.packages);
  const tasks = [checkTask(board, options), listTask(board, options), depmodTask(board, options)];
  const layer = {
    name: 'modules',
    ref: artifact(`${board.name}:modules`, 'layer'),
    permissions: [],
    replace: ['lib/modules/*/modules.*', 'usr/lib/modules/*/modules.*'],
    recipe: `board '${board.name}'`,
  };
  return { tasks, layer };
}

function refuseDuplicates(packages: readonly ModulePackage[]): void {
  const seen = new Map<string, { owner: string; at: SourceLocation }>();
  const problems: Diagnostic[] = [];
  for (const { name: owner, parts, at } of packages) {
    for (const module of Object.keys(parts.files)) {
      const first = seen.get(moduleKey(module));
      if (first) problems.push(duplicate(module, owner, at(module), first));
      else seen.set(moduleKey(module), { owner, at: at(module) });
    }
  }
  if (problems.length > 0) throw new Failure(...problems);
}

function duplicate(
  module: string,
  owner: string,
  at: SourceLocation,
  first: { owner: string; at: SourceLocation },
): Diagnostic {
  return {
    severity: 'error',
    code: 'module/duplicate',
    message: `the packages '${first.owner}' and '${owner}' both make a module '${module}'`,
    at,
    notes: [{ message: `'${first.owner}' makes it here`, at: first.at }],
    hint: 'a kernel loads one of them: take one of the packages out of the board',
  };
}

function checkTask(board: Board, { modules, kernel, packages, others, options }: BoardModulesOptions): Task {
  const params: CheckBoardModulesParams = {
    modules: modules.map(declared),
    packaged: packages.flatMap(({ parts }) => Object.keys(parts.files)),
    packages: others,
    options,
  };
  return {
    id: `${board.name}:modules-check` as TaskId,
    kind: checkBoardModulesKind.kind,
    title: "check the board's kernel modules",
    params: JSON.parse(JSON.stringify(params)),
    inputs: { config: kernel.config, kconfig: kernel.kconfig, makefiles: kernel.makefiles, ...kernel.fragments },
    outputs: { checked: 'file' },
  };
}

function declared({ name, parameters, at }: BoardModule): Declared {
  return { name, parameters, at };
}

function listTask(board: Board, { modules, kernel, packages }: BoardModulesOptions): Task {
  const params: ListModulesParams = {
    modules: modules.map((module) => ({ ...declared(module), load: module.load })),
    packages: packages.map(({ name, parts, at }) => ({
      name,
      modules: Object.keys(parts.files).map((module) => ({
        name: module,
        input: koInput(name, module),
        at: at(module),
      })),
      supersedes: parts.supersedes,
    })),
  };
  const files = packages.flatMap(({ name, parts }) =>
    Object.entries(parts.files).map(([module, ref]): [string, Input] => [koInput(name, module), ref]),
  );
  return {
    id: `${board.name}:modules-list` as TaskId,
    kind: listModulesKind.kind,
    title: "list the board's kernel modules",
    params: JSON.parse(JSON.stringify(params)),
    inputs: {
      checked: artifact(`${board.name}:modules-check`, 'checked'),
      kernel: kernel.modules,
      ...Object.fromEntries(files),
    },
    outputs: { load: 'file', modprobe: 'file' },
  };
}

function koInput(owner: string, module: string): string {
  return `ko/${owner.replaceAll('/', '+')}/${module}.ko`;
}

/** depmod reads the modules alone: what it says of the kernel's own is not worth a warning in their absence. */
function depmodTask(board: Board, { kernel, packages, tools }: BoardModulesOptions): Task {
  const layers = packages.map(({ name, layer }): [string, Input] => [`layers/${name.replaceAll('/', '+')}`, layer]);
  return commandTask({
    id: `${board.name}:modules`,
    title: 'run depmod over all kernel modules',
    tools,
    inputs: {
      kernel: kernel.modules,
      'System.map': kernel.systemMap,
      load: artifact(`${board.name}:modules-list`, 'load'),
      modprobe: artifact(`${board.name}:modules-list`, 'modprobe'),
      ...Object.fromEntries(layers),
    },
    outputs: { layer: 'file' },
    script: script`
mkdir root stage
for layer in in/kernel in/layers/*; do [ ! -e "$layer" ] || tar -x -C root -f "$layer"; done
release=$(ls root/lib/modules)
if ! depmod -b "$PWD/root" -e -F in/System.map "$release" > said 2>&1 || [ -s said ]; then
  echo 'error: the modules do not fit together' >&2
  cat said >&2
  exit 1
fi
# What depmod writes; the kernel's layer keeps the lists that depmod reads.
mkdir -p "stage/lib/modules/$release" stage/etc/modules-load.d stage/etc/modprobe.d
rm -f root/lib/modules/*/modules.{order,builtin,builtin.modinfo}
cp root/lib/modules/"$release"/modules.* "stage/lib/modules/$release/"
[ ! -s in/load ] || cp in/load stage/etc/modules-load.d/pibuild.conf
[ ! -s in/modprobe ] || cp in/modprobe stage/etc/modprobe.d/pibuild.conf
chmod -R u=rwX,go=rX stage
${packLayer}
`,
  });
}
