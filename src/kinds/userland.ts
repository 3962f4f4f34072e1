import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import type { Board, DebsLock, LockedDeb, Package } from '../recipe/model.ts';
import { size, user } from '../recipe/schema.ts';
import { parseSize } from '../recipe/units.ts';
import { artifact, commandTask } from './command.ts';
import { enterNamespace, FAKEROOT_INPUT, prelude } from './emulated-root.ts';
import { debFile, fetchDebs } from './fetch.ts';
import type { ArtifactRef, PackageKind, PackagePlan, PlanContext } from './kind.ts';
import { aptOf, lockedDebs, lockOf } from './locked.ts';
import { packUserland } from './pack-userland.ts';
import { baseScript, rootScript, sourcesScript, type UserlandSteps } from './userland-script.ts';

const userlandRecipe = z.strictObject({
  ...lockedDebs,
  debs: lockedDebs.debs.min(0).default([]),
  architecture: z.enum(['arm64']).default('arm64').meta({ description: 'Of the board' }),
  variant: z
    .enum(['essential', 'apt', 'minbase', 'important', 'standard'])
    .default('minbase')
    .meta({ description: 'What it has in any case, as mmdebstrap names it (default minbase)' }),
  archives: z
    .array(
      z.strictObject({
        url: z.url().meta({ description: "The archive's root: what is above its dists/" }),
        suites: z.array(z.string()).min(1).meta({ description: 'Its suites' }),
        components: z.array(z.string()).min(1).default(['main']).meta({ description: 'Its components (default main)' }),
        key: z
          .string()
          .meta({ description: 'A file beside the recipe with the public key that it is signed with: .asc or .gpg' }),
      }),
    )
    .default([])
    .meta({ description: 'Archives of others, besides the one of the distribution' }),
  exclude: z
    .array(
      z
        .enum(['docs', 'man', 'locales'])
        .or(z.string().regex(/^\//, 'docs, man, locales, or a path that begins with a slash')),
    )
    .default(['docs', 'man', 'locales'])
    .meta({
      description: 'What is left out of the debs: docs (copyrights stay), man, locales, or globs as dpkg knows them',
    }),
  files: z
    .string()
    .optional()
    .meta({ description: 'A folder beside the recipe that is copied over the root; its files are owned by root' }),
  users: z
    .record(
      z.string().regex(/^[a-z_][a-z0-9_-]{0,30}$/, 'a name of lower-case letters, digits, dash and underscore'),
      user,
    )
    .default({})
    .meta({ description: 'Who there is in it besides root' }),
  run: z
    .array(z.string())
    .default([])
    .meta({ description: 'Shell commands that are run in it at last, as root, without a network' }),
  install: z.enum(['squashfs', 'directory', 'container']).default('squashfs').meta({
    description:
      'How it is on the card: squashfs, what is written kept apart (default), a directory, or only the root of services that name it under `rootfs`',
  }),
  size: size.optional().meta({ description: 'What it may have on the card at most; larger is an error' }),
});

export type UserlandRecipe = z.infer<typeof userlandRecipe>;

/** The tools that make it, and what of fakeroot is needed in arm64. */
export const USERLAND_TOOLS = 'tools/userland';
export const FAKEROOT = 'fakeroot';

/**
 * A whole Debian or Ubuntu root beside the board's own, made of locked debs and entered with `pibuild-enter`. In three
 * tasks: what the distribution cannot do without, which is the same for many recipes and stays while they change; the root;
 * and the form in which it goes onto the card.
 */
export const userlandKind: PackageKind<UserlandRecipe> = {
  kind: 'userland',
  schema: userlandRecipe,
  plan: planUserland,
};

function planUserland(pack: Package<UserlandRecipe>, context: PlanContext): PackagePlan {
  const lock = lockOf(pack);
  const fakeroot = context.package(FAKEROOT, pack).layer;
  const tools = context.package(USERLAND_TOOLS, pack).tools;
  if (!tools || !fakeroot)
    throw fail('userland/no-tools', `packages '${USERLAND_TOOLS}' and '${FAKEROOT}' are not what they were`);
  const parts: Parts = { pack, lock, tools, fakeroot };
  const base = lock.debs.filter(isBase);
  const more = lock.debs.filter((deb) => !isBase(deb));
  const apt = aptOf(context);
  // Where Ubuntu's archives are, the tools know better than this machine may.
  const knowing = lock.distribution === 'ubuntu' ? artifact(`${USERLAND_TOOLS}:fetch`, 'files') : undefined;
  const limit = pack.recipe.size === undefined ? undefined : parseSize(pack.recipe.size);
  const root = artifact(`${pack.name}:root`, 'root');
  const { install } = pack.recipe;
  const packing = install === 'container' ? undefined : packUserland(pack, install, { root, limit }, context);
  const tasks = [
    fetchDebs(`${pack.name}:fetch-base`, { ...lock, debs: base }, apt, knowing),
    baseTask(parts, base),
    ...(more.length > 0 ? [fetchDebs(`${pack.name}:fetch`, { ...lock, debs: more }, apt, knowing)] : []),
    rootTask(parts, more, context.board),
    ...(packing ? [packing] : []),
  ];
  return {
    tasks,
    provides: { ...(packing && { layer: artifact(packing.id, 'layer') }), userland: root },
  };
}

interface Parts {
  readonly pack: Package<UserlandRecipe>;
  readonly lock: DebsLock;
  readonly tools: ArtifactRef;
  readonly fakeroot: ArtifactRef;
}

function isBase({ base }: LockedDeb): boolean {
  return base === true;
}

/** The artifact `base`: a tar of the root with the essential debs alone. */
function baseTask(parts: Parts, base: readonly LockedDeb[]): Task {
  return commandTask({
    id: `${parts.pack.name}:base`,
    title: `make the base of ${parts.pack.name} out of ${base.length} debs`,
    tools: parts.tools,
    inputs: { ...commonInputs(parts, base, baseScript), debs: artifact(`${parts.pack.name}:fetch-base`, 'files') },
    outputs: { base: 'file' },
    namespaces: true,
    script: enterNamespace,
  });
}

/** The artifact `root`: a tar of all of it. */
function rootTask(parts: Parts, more: readonly LockedDeb[], board: Board | undefined): Task {
  const { pack, lock } = parts;
  const { recipe } = pack;
  const asked = new Set(recipe.debs);
  const steps: UserlandSteps = {
    groups: groupsOf(board),
    users: Object.entries(recipe.users).map(([name, { groups = [], shell = '/bin/bash', ...each }]) => ({
      name,
      groups,
      shell,
      passwordless: each.passwordless ?? false,
      sshKeys: each.sshKeys ?? [],
      ...(each.uid !== undefined && { uid: each.uid }),
      ...(each.home !== undefined && { home: each.home }),
      ...(each.password !== undefined && { password: each.password }),
    })),
    automatic: more.map(({ name }) => name).filter((name) => !asked.has(name)),
    hasDebs: more.length > 0,
    hasFiles: recipe.files !== undefined,
    run: recipe.run,
  };
  const ports = lock.debs.some(({ archive }) => archive === 'ubuntu-ports');
  return commandTask({
    id: `${pack.name}:root`,
    title: `make the userland ${pack.name} out of ${lock.debs.length} debs`,
    tools: parts.tools,
    inputs: {
      ...commonInputs(parts, lock.debs, rootScript(steps)),
      base: artifact(`${pack.name}:base`, 'base'),
      sources: { from: 'text', text: sourcesScript({ ...recipe, ports }) },
      ...(more.length > 0 && {
        debs: artifact(`${pack.name}:fetch`, 'files'),
        index: { from: 'text', text: more.map((deb) => `${debFile(deb)} ${deb.size} ${deb.sha256}\n`).join('') },
      }),
      ...(recipe.files !== undefined && { files: folderInput(pack, recipe.files) }),
    },
    outputs: { root: 'file' },
    namespaces: true,
    script: enterNamespace,
  });
}

function commonInputs({ pack, fakeroot }: Parts, debs: readonly LockedDeb[], make: string): Record<string, Input> {
  return {
    prelude: { from: 'text', text: prelude },
    make: { from: 'text', text: make },
    paths: {
      from: 'text',
      text: dpkgPaths(pack.recipe.exclude)
        .map((line) => `${line}\n`)
        .join(''),
    },
    lock: { from: 'text', text: debs.map(({ name, version }) => `${name} ${version}\n`).join('') },
    [FAKEROOT_INPUT]: fakeroot,
  };
}

function folderInput(pack: Package, folder: string): Input {
  const { file, line } = pack.at('files');
  return { from: 'project', path: join(pack.folder, folder), origin: `${file}:${line}` };
}

const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  docs: [
    'path-exclude=/usr/share/doc/*',
    'path-include=/usr/share/doc/*/copyright',
    'path-exclude=/usr/share/info/*',
    'path-exclude=/usr/share/lintian/*',
  ],
  man: ['path-exclude=/usr/share/man/*'],
  locales: [
    'path-exclude=/usr/share/locale/*',
    'path-include=/usr/share/locale/locale.alias',
    'path-exclude=/usr/share/i18n/locales/*',
  ],
};

/** Lines of dpkg.cfg(5). */
function dpkgPaths(exclude: readonly string[]): string[] {
  return exclude.flatMap((each) => LEFT_OUT[each] ?? [`path-exclude=${each}`]);
}

/** Groups of devices: those that a board has besides the ones with fixed numbers, and that are nobody's own. */
function groupsOf(board: Board | undefined): Record<string, number> {
  const groups = [...(board?.groups ?? [])].filter(([name, gid]) => gid > 100 && gid < 1000 && !board?.users.has(name));
  return Object.fromEntries(groups);
}
