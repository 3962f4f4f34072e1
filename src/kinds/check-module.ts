import { createWriteStream } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Failure, type SourceLocation } from '../diagnostic.ts';
import type { Input, Task, TaskId } from '../graph/task.ts';
import { type Inode, nothing, plainFolder } from '../image/layer.ts';
import { rootTar } from '../image/root-tar.ts';
import { noXattrs } from '../image/tar.ts';
import { ancestorsOf, sortByPath } from '../image/tree-path.ts';
import { parseConfig } from '../kconfig/config.ts';
import { checkModules, type ModuleFacts } from '../module/check.ts';
import { exportedSymbols } from '../module/symvers.ts';
import { vermagicOf } from '../module/vermagic.ts';
import type { Package } from '../recipe/model.ts';
import { artifact } from './command.ts';
import type { ArtifactRef, TaskKind, Workspace } from './kind.ts';

export type CheckModuleParams = {
  package: string;
  modules: string[];
  arch: string;
  /** The recipe's lines that name the modules, in their order. */
  places: SourceLocation[];
};

/**
 * Checks modules that were built, and makes the artifact `layer` of them. Inputs: `ko/*`, `modpost`, and `kernel`, the tree
 * that they were built against; artifacts also: `ko/*`, and `facts`, JSON of `ModuleFacts`. Done by Node.
 *
 * Fails with the diagnostics of `checkModules`.
 */
export const checkModuleKind: TaskKind<CheckModuleParams> = {
  kind: 'check-module',
  revision: 1,
  run: check,
};

/** The task `<package>:check` behind `<package>:build`. */
export function checkModuleTask(
  pack: Package,
  { modules, arch, dev }: { modules: readonly string[]; arch: string; dev: ArtifactRef },
): Task {
  const build = `${pack.name}:build`;
  const files = modules.map((name) => `ko/${name}.ko`);
  const params: CheckModuleParams = {
    package: pack.name,
    modules: [...modules],
    arch,
    places: modules.map((_, index) => pack.at('modules', index)),
  };
  return {
    id: `${pack.name}:check` as TaskId,
    kind: checkModuleKind.kind,
    title: `check ${pack.name}`,
    params: JSON.parse(JSON.stringify(params)),
    inputs: {
      kernel: dev,
      modpost: artifact(build, 'modpost'),
      ...Object.fromEntries(files.map((file): [string, Input] => [file, artifact(build, file)])),
    },
    outputs: {
      layer: 'file',
      facts: 'file',
      ...Object.fromEntries(files.map((file): [string, 'file'] => [file, 'file'])),
    },
  };
}

/** What a kernel's tree says of the modules that fit it. */
export async function readKernel(
  tree: string,
): Promise<{ release: string; vermagic: string; exports: () => Promise<string[]> }> {
  const release = (await readFile(join(tree, 'include/config/kernel.release'), 'utf8')).trim();
  const config = parseConfig(await readFile(join(tree, 'include/config/auto.conf'), 'utf8'));
  const exports = async () => exportedSymbols(await readFile(join(tree, 'Module.symvers'), 'utf8'));
  return { release, vermagic: vermagicOf(release, config), exports };
}

async function check(workspace: Workspace, params: CheckModuleParams): Promise<void> {
  const kernel = await readKernel(workspace.input('kernel'));
  const modpost = await readFile(workspace.input('modpost'), 'utf8');
  const files = await Promise.all(
    params.modules.map(async (name, index) => ({
      name,
      bytes: await readFile(workspace.input(`ko/${name}.ko`)),
      at: params.places[index] as SourceLocation,
    })),
  );
  const exports = /undefined!$/m.test(modpost) ? await kernel.exports() : [];
  const { diagnostics, facts } = checkModules(files, { ...params, ...kernel, exports, modpost });
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Failure(...errors);
  for (const { message } of diagnostics) workspace.log(`warning: ${message}`);
  await writeFile(workspace.output('facts'), `${JSON.stringify(facts satisfies ModuleFacts[], null, 2)}\n`);
  for (const { name } of files) await copyFile(workspace.input(`ko/${name}.ko`), workspace.output(`ko/${name}.ko`));
  await pack(workspace, kernel.release, files);
}

/** depmod's default order is `updates` before all else, so these win over modules of the kernel that have the same name. */
async function pack(
  workspace: Workspace,
  release: string,
  files: readonly { name: string; bytes: Buffer }[],
): Promise<void> {
  const entries = files.map(({ name, bytes }) => ({
    path: `lib/modules/${release}/updates/${name}.ko`,
    inode: fileOf(bytes),
    layers: [],
  }));
  const folders = new Set(entries.flatMap(({ path }) => [...ancestorsOf(path)]));
  const root = [...entries, ...[...folders].map((path) => ({ path, inode: plainFolder(), layers: [] }))];
  const target = createWriteStream(workspace.output('layer'));
  await pipeline(Readable.from(rootTar(sortByPath(root), workspace.epoch)), target, { signal: workspace.signal });
}

function fileOf(bytes: Buffer): Inode {
  const content = bytes.length > 0 ? { bytes } : nothing;
  const owner = { uid: 0, gid: 0 };
  return {
    type: 'file',
    mode: 0o644,
    ...owner,
    target: '',
    xattrs: noXattrs,
    size: bytes.length,
    content,
    meant: true,
  };
}
