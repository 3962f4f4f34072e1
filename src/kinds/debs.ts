import { z } from 'zod';
import { Failure, fail } from '../diagnostic.ts';
import type { Task, TaskId } from '../graph/task.ts';
import type { DebsLock, Package } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import { debFile } from './fetch.ts';
import { type InstallParams, installDebsKind, sysrootFolders } from './install-debs.ts';
import type { PackageKind, PackagePlan, PlanContext } from './kind.ts';
import { fetchLocked, lockedDebs, lockOf } from './locked.ts';
import { script } from './script.ts';

const glob = z.string().min(1);

const debsRecipe = z.strictObject({
  ...lockedDebs,
  architecture: z.enum(['arm64']).default('arm64').meta({ description: 'Of the board' }),
  include: z.array(glob).default(['**']).meta({
    description: 'Globs of what goes into the root; a folder stands for all below it. Empty: no layer (default: all)',
  }),
  exclude: z.array(glob).default([]).meta({
    description: 'Globs of what does not. Documentation and translations never go into the root',
  }),
  boot: z.array(glob).default([]).meta({
    description: 'Globs of files for the boot partition; they lose the folders that the glob begins with',
  }),
  sysroot: z
    .union([z.boolean(), z.array(glob)])
    .default(false)
    .meta({ description: 'Whether packages that depend on this one are compiled with its headers and libraries' }),
  links: z.record(z.string(), z.string()).default({}).meta({ description: 'Links to add to the root: path to target' }),
});

export type DebsRecipe = z.infer<typeof debsRecipe>;

/** The tree that unpacks debs. */
const BOOTSTRAP = 'tools/bootstrap';

/** A package made of locked debs of the board's architecture: libraries, firmware, programs, as the distribution built them. */
export const debsKind: PackageKind<DebsRecipe> = {
  kind: 'debs',
  schema: debsRecipe,
  plan: planDebs,
};

function planDebs(pack: Package<DebsRecipe>, context: PlanContext): PackagePlan {
  const lock = lockOf(pack);
  const tasks = [fetchLocked(pack, context), unpackTask(pack, lock, context), installTask(pack, lock)];
  const { outputs, id } = tasks[2] as Task;
  if (Object.keys(outputs).length === 0) {
    const hint = 'give it `include`, `boot` or `sysroot`';
    const message = `package '${pack.name}' takes nothing of its debs`;
    throw new Failure({ severity: 'error', code: 'debs/nothing', message, hint, at: pack.at('debs') });
  }
  return {
    tasks,
    provides: {
      ...(outputs.layer && { layer: artifact(id, 'layer') }),
      ...(outputs.boot && { boot: artifact(id, 'boot') }),
      ...(outputs.sysroot && { sysroot: artifact(id, 'sysroot') }),
    },
  };
}

/** `tars`: what each deb holds, uncompressed, with owners and modes. dpkg knows all compressions, Node not all. */
function unpackTask(pack: Package, lock: DebsLock, context: PlanContext): Task {
  const { tools } = context.package(BOOTSTRAP, pack);
  if (tools === undefined) throw fail('tools/no-bootstrap', `package '${BOOTSTRAP}' is no tools tree`);
  return commandTask({
    id: `${pack.name}:unpack`,
    title: `unpack ${lock.debs.length} debs of ${pack.name}`,
    tools,
    inputs: { debs: artifact(`${pack.name}:fetch`, 'files') },
    outputs: { tars: 'tree' },
    pool: 'disk',
    script: script`
mkdir -p out/tars
ls in/debs | xargs -P "$(nproc)" -I{} bash -euc 'dpkg-deb --fsys-tarfile "in/debs/$1" > "out/tars/$(basename "$1" .deb).tar"' _ {}
`,
  });
}

function installTask(pack: Package<DebsRecipe>, { debs, architecture }: DebsLock): Task {
  const { include, exclude, boot, sysroot, links } = pack.recipe;
  const params: InstallParams = {
    package: pack.name,
    tars: debs.map((deb) => debFile(deb).replace(/deb$/, 'tar')),
    architecture,
    include,
    exclude,
    boot,
    sysroot: sysroot === true ? sysrootFolders(architecture) : sysroot || [],
    links,
  };
  return {
    id: `${pack.name}:install` as TaskId,
    kind: installDebsKind.kind,
    title: `install ${pack.name}`,
    params,
    inputs: { tars: artifact(`${pack.name}:unpack`, 'tars') },
    outputs: {
      ...(include.length + Object.keys(links).length > 0 && { layer: 'file' as const }),
      ...(boot.length > 0 && { boot: 'tree' as const }),
      ...(params.sysroot.length > 0 && { sysroot: 'tree' as const }),
    },
    pool: 'disk',
  };
}
