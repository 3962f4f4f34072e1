import { basename, join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import type { Package } from '../recipe/model.ts';
import { type SourceRecipe, source } from '../recipe/schema.ts';
import { artifact, commandTask } from './command.ts';
import { debFile, fetchSource } from './fetch.ts';
import { fetchGitSource } from './fetch-git.ts';
import type { ArtifactRef, PlanContext } from './kind.ts';
import { fetchLocked, lockedDebs, lockOf } from './locked.ts';
import { canonicalTar, quote, script } from './script.ts';

/** The keys of a recipe that is built from source. */
export const sourceKeys = {
  source,
  patches: z
    .array(z.string())
    .default([])
    .meta({ description: 'Patches beside the recipe, applied in this order with -p1' }),
  exclude: z.array(z.string()).default([]).meta({
    description: "Globs of files that are not needed, as tar's --exclude knows them: they are never unpacked",
  }),
  // A source that is inside a .deb is locked as any other deb; what the deb depends on is not wanted.
  ...lockedDebs,
  debs: lockedDebs.debs.optional(),
  deps: lockedDebs.deps.default(false),
  architecture: z.enum(['amd64', 'arm64']).default('amd64').meta({ description: 'Of the debs' }),
};

export type SourceKeys = z.infer<z.ZodObject<typeof sourceKeys>>;

export interface UnpackPlan {
  readonly tasks: readonly Task[];
  /** The source as a tar.zst in canonical form, patched, paths beginning with `./`: `unpackInto` is its counterpart. */
  readonly source: ArtifactRef;
}

/**
 * The tasks `<package>:fetch` and `<package>:unpack`: a package's source, wherever it comes from, as one archive
 * without what is not needed, patched.
 *
 * @throws Failure `recipe/missing-file` for a patch or a folder that is not beside the recipe, and those of `lockOf`
 */
export function planSource(pack: Package<SourceKeys>, tools: ArtifactRef, context: PlanContext): UnpackPlan {
  const { recipe } = pack;
  const fetched = fetchOf(pack, context);
  const patches = recipe.patches.map((patch, index): [string, Input] => [
    `patches/${String(index).padStart(3, '0')}-${basename(patch)}`,
    ownFile(pack, patch, 'patches', index),
  ]);
  const unpack = commandTask({
    id: `${pack.name}:unpack`,
    title: `unpack ${pack.name}`,
    tools,
    inputs: { ...fetched.inputs, ...Object.fromEntries(patches) },
    outputs: { source: 'file' },
    pool: 'disk',
    script: unpackScript(
      fetched.read,
      recipe,
      patches.map(([name]) => name),
    ),
  });
  return { tasks: [...fetched.tasks, unpack], source: artifact(unpack.id, 'source') };
}

/** Bash that unpacks an input made by `planSource` into a folder; with globs, only what matches them. */
export function unpackInto(folder: string, input: string, globs: readonly string[] = []): string {
  const only = globs.length > 0 ? ` --wildcards ${globs.map((glob) => quote(glob)).join(' ')}` : '';
  return `mkdir -p ${folder} && zstd -dcq in/${input} | tar -x -C ${folder}${only}`;
}

/** A file or a folder beside the recipe, as an input; `key` is where the recipe names it. */
export function ownFile(pack: Package, path: string, ...key: readonly (string | number)[]): ProjectInput {
  const at = pack.at(...key);
  if (!pack.files.some((file) => file === path || file.startsWith(`${path}/`))) {
    throw new Failure({
      severity: 'error',
      code: 'recipe/missing-file',
      message: `there is no '${path}' beside the recipe of package '${pack.name}'`,
      at,
    });
  }
  return { from: 'project', path: join(pack.folder, path), origin: `${at.file}:${at.line}` };
}

type ProjectInput = Extract<Input, { from: 'project' }>;

interface Fetched {
  readonly tasks: readonly Task[];
  readonly inputs: Readonly<Record<string, Input>>;
  /** Bash that prints the uncompressed tar. */
  readonly read: string;
}

function fetchOf(pack: Package<SourceKeys>, context: PlanContext): Fetched {
  const { source } = pack.recipe;
  if ('folder' in source) {
    const inputs = { folder: ownFile(pack, source.folder, 'source', 'folder') };
    return { tasks: [], inputs, read: 'tar -c -C in/folder .' };
  }
  if ('deb' in source) return fetchDeb(pack, source, context);
  if ('git' in source) {
    const { task, file } = fetchGitSource(`${pack.name}:fetch`, source);
    return { tasks: [task], inputs: { archive: file }, read: 'cat in/archive' };
  }
  const fetched = fetchSource(`${pack.name}:fetch`, source);
  const name = 'url' in source ? new URL(source.url).pathname : source.path;
  return { tasks: [fetched.task], inputs: { archive: fetched.file }, read: `expand ${quote(name)} < in/archive` };
}

function fetchDeb(
  pack: Package<SourceKeys>,
  source: Extract<SourceRecipe, { deb: string }>,
  context: PlanContext,
): Fetched {
  const locked = { ...pack, recipe: { ...pack.recipe, debs: pack.recipe.debs ?? [source.deb] } };
  const deb = lockOf(locked).debs.find(({ name }) => name === source.deb);
  if (deb === undefined) {
    throw new Failure({
      severity: 'error',
      code: 'archive/not-locked',
      message: `the lock of package '${pack.name}' has no deb '${source.deb}'`,
      hint: `pibuild lock ${pack.name}`,
      at: pack.at('source', 'deb'),
    });
  }
  const file = quote(`in/debs/${debFile(deb)}`);
  const member = quote(`./${source.member.replace(/^\.?\//, '')}`);
  return {
    tasks: [fetchLocked(locked, context)],
    inputs: { debs: artifact(`${pack.name}:fetch`, 'files') },
    read: `debData ${file} | tar -xO ${member} | expand ${quote(source.member)}`,
  };
}

function unpackScript(read: string, { source, exclude }: SourceKeys, patches: readonly string[]): string {
  const strip = 'folder' in source || 'git' in source ? 0 : (source.strip ?? 1);
  const excludes = exclude.map((glob) => quote(`--exclude=${glob}`)).join(' ');
  const apply = patches.map((name) => `echo ${quote(name)}; patch -s -p1 -d src < ${quote(`in/${name}`)}`).join('\n');
  return script`
# Decompresses, by the name's ending: GNU tar can tell a compression only of what it can seek in.
expand() {
  case $1 in
    *.xz | *.txz) xz -dcT0 ;;
    *.gz | *.tgz) gzip -dc ;;
    *.bz2 | *.tbz2 | *.tbz) bzip2 -dc ;;
    *.zst | *.tzst) zstd -dcq ;;
    *) cat ;;
  esac
}
# binutils read a .deb as well as dpkg does, and are there wherever there is a compiler.
debData() {
  local member; member=$(ar t "$1" | grep '^data[.]tar')
  ar p "$1" "$member" | expand "$member"
}
mkdir src
${read} | tar -x -C src --no-same-owner --strip-components=${strip} ${excludes}
${apply}
${canonicalTar} --mode=u=rwX,go=rX -C src -c . | zstd -q -3 -T0 > out/source
`;
}
