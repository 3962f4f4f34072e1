import { z } from 'zod';
import { fail } from '../diagnostic.ts';
import type { Input, Task, TaskId } from '../graph/task.ts';
import { workFolder } from '../paths.ts';
import type { DebsLock, Package } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import { debFile } from './fetch.ts';
import type { PackageKind, PackagePlan, PlanContext } from './kind.ts';
import { fetchLocked, lockedDebs, lockOf } from './locked.ts';
import { quote, script } from './script.ts';
import { commonFiles, commonLinks, leftOut, mountPoints } from './tools-tree.ts';
import { type UnpackParams, unpackDebsKind } from './unpack-debs.ts';

const path = z.string().regex(/^[^/]/, 'a path without a slash at the start');

const toolsRecipe = z.strictObject({
  ...lockedDebs,
  architecture: z.enum(['amd64']).default('amd64').meta({ description: 'Of the machine that builds' }),
  links: z
    .record(path, path)
    .default({})
    .meta({ description: 'Links that maintainer scripts would make (update-alternatives): path to target' }),
  files: z.record(path, z.string()).default({}).meta({ description: 'Files to add: path to text' }),
  exclude: z.array(path).default([]).meta({ description: 'Globs of what is not needed' }),
  bootstrap: z
    .boolean()
    .default(false)
    .meta({ description: 'Unpacked by Node itself: the tree that unpacks the others, and has the sandbox' }),
});

export type ToolsRecipe = z.infer<typeof toolsRecipe>;

/** The tree that unpacks all others. */
const BOOTSTRAP = 'tools/bootstrap';

/** A tools tree: locked debs of the building machine, unpacked into one root to run tasks in. */
export const toolsKind: PackageKind<ToolsRecipe> = {
  kind: 'tools',
  schema: toolsRecipe,
  plan: planTools,
};

function planTools(pack: Package<ToolsRecipe>, context: PlanContext): PackagePlan {
  checkHost();
  const lock = lockOf(pack);
  const fetch = fetchLocked(pack, context);
  const unpack = pack.recipe.bootstrap ? unpackByNode(pack, lock) : unpackInSandbox(pack, lock, context);
  return { tasks: [fetch, unpack], provides: { tools: artifact(unpack.id, 'tree') } };
}

function checkHost(): void {
  if (process.arch === 'x64' && process.platform === 'linux') return;
  throw fail(
    'tools/host',
    `pibuild's tools run on 64-bit x86 Linux, and this is ${process.arch} ${process.platform}`,
    'build on an amd64 Linux machine',
  );
}

/** How long so many debs take to unpack, for the order of a first build. */
function secondsOf({ debs }: DebsLock): number {
  return Math.ceil(debs.reduce((sum, { size }) => sum + size, 0) / 10_000_000);
}

function unpackByNode(pack: Package<ToolsRecipe>, lock: DebsLock): Task {
  const { exclude, files, links } = pack.recipe;
  const params: UnpackParams = {
    debs: lock.debs.map(debFile),
    exclude: [...leftOut, ...exclude],
    files: { ...commonFiles, ...files },
    links: { ...commonLinks, ...links },
    folders: [...mountPoints],
  };
  return {
    id: `${pack.name}:unpack` as TaskId,
    kind: unpackDebsKind.kind,
    title: `unpack ${pack.name}`,
    params,
    inputs: { debs: artifact(`${pack.name}:fetch`, 'files') },
    outputs: { tree: 'tree' },
    pool: 'disk',
    expected: secondsOf(lock),
  };
}

function unpackInSandbox(pack: Package<ToolsRecipe>, lock: DebsLock, context: PlanContext): Task {
  const { tools } = context.package(BOOTSTRAP, pack);
  if (tools === undefined) throw fail('tools/no-bootstrap', `package '${BOOTSTRAP}' is no tools tree`);
  const { exclude, files, links } = pack.recipe;
  const texts = Object.entries({ ...commonFiles, ...files }).map(([name, text]): [string, Input] => [
    `files/${name}`,
    { from: 'text', text },
  ]);
  return commandTask({
    id: `${pack.name}:unpack`,
    title: `unpack ${pack.name}`,
    tools,
    inputs: {
      debs: artifact(`${pack.name}:fetch`, 'files'),
      order: { from: 'text', text: lock.debs.map((deb) => `${debFile(deb)}\n`).join('') },
      ...Object.fromEntries(texts),
    },
    outputs: { tree: 'tree' },
    pool: 'disk',
    expected: secondsOf(lock),
    script: unpackScript(exclude, { ...commonLinks, ...links }),
  });
}

/**
 * dpkg-deb in parallel. A path that several debs bring is then unpacked again in the order of the lock, so the last one
 * stays, however the race went. base-files goes first: it has the links (bin -> usr/bin) that all others lie below.
 *
 * No ld.so.cache is made: the loader looks in the folders that Debian puts libraries in by itself, and a cache would be a
 * file that every change of a library changes.
 */
function unpackScript(exclude: readonly string[], links: Readonly<Record<string, string>>): string {
  return script`
shopt -s globstar nullglob dotglob
mkdir -p out/tree names
unpack() {
  dpkg-deb --fsys-tarfile "in/debs/$1" |
    tar -x -C out/tree --no-same-owner --keep-directory-symlink --warning=no-timestamp --anchored --no-wildcards \
      ${leftOut.map((each) => `--exclude=./${each}`).join(' ')} "${'$'}{@:2}"
}
try() { unpack "$1" -v > "names/$1" 2> "names/$1.error" || echo "$1" >> again; }
export -f unpack try
export DPKG_DEB_THREADS_MAX=1
for deb in $(grep '^base-files_' in/order); do try "$deb"; done
(cd in/debs && ls -S) | grep -v '^base-files_' | xargs -P "$(nproc)" -I{} bash -o pipefail -c 'try "$1"' _ {}
if [ -e again ]; then
  for deb in $(grep -xFf again in/order); do unpack "$deb" -v > "names/$deb"; done
fi
rm -f names/*.error
cat names/* | grep -v '/$' | sort | uniq -d > twice || true
if [ -s twice ]; then
  echo "brought by several debs, the last in the lock stays:"; cat twice
  for deb in $(cat in/order); do
    grep -xFf twice "names/$deb" > mine || continue
    unpack "$deb" --verbatim-files-from --files-from=mine
  done
fi
chmod -R u+rwX out/tree
cd out/tree
leave() {
  local glob=$1; shift
  if [ $# -eq 0 ] || ! { [ -e "$1" ] || [ -L "$1" ]; }; then echo "nothing matches '$glob'" >&2; exit 1; fi
  rm -rf -- "$@"
}
${exclude.map((glob) => `leave ${quote(glob)} ${globWord(glob)}`).join('\n')}
mkdir -p ${mountPoints.join(' ')}
cp -r --no-preserve=mode ${workFolder}/in/files/. .
link() {
  mkdir -p "$(dirname "$1")"
  if [ -e "$1" ] || [ -L "$1" ]; then echo "'$1' cannot be a link to '$2': it is there already" >&2; exit 1; fi
  ln -s "$2" "$1"
  local at; at=$(dirname "$1")/$2
  case $2 in */proc/*) ;; *) [ -e "$at" ] || [ -L "$at" ] || { echo "'$1' would link to '$2', which is not there" >&2; exit 1; } ;; esac
}
${Object.entries(links)
  .map(([name, target]) => `link ${quote(name)} ${quote(target)}`)
  .join('\n')}
`;
}

/** A glob as a word of bash that bash expands: all but the wildcards quoted. */
function globWord(glob: string): string {
  return glob.replace(/[^A-Za-z0-9_@%+=:,./*?[\]!^-]/g, (character) => `\\${character}`);
}
