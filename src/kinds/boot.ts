import { Failure, fail } from '../diagnostic.ts';
import type { Input, Task, TaskId } from '../graph/task.ts';
import { fatOf } from '../image/fat.ts';
import { shortIdOf } from '../image/identity.ts';
import { formatBytes } from '../image/largest.ts';
import type { Board } from '../recipe/model.ts';
import { type BootFilesParams, bootFilesKind } from './boot-files.ts';
import { artifact, commandTask } from './command.ts';
import { identityFile } from './identity-file.ts';
import type { ArtifactRef } from './kind.ts';
import { quote, script } from './script.ts';

/** A package's tree of files for the boot partition. */
export interface BootTree {
  /** The package's name. */
  readonly name: string;
  readonly ref: ArtifactRef;
}

/**
 * The tasks of the boot partition: `<board>:boot-files` gathers the packages' trees, config.txt and cmdline.txt,
 * `<board>:boot` makes a FAT of them. `root` is what the kernel is told to take for its root.
 */
export function planBoot(
  board: Board,
  boots: readonly BootTree[],
  size: number | undefined,
  root: string,
  tools: ArtifactRef,
): Task[] {
  if (size === undefined) throw fail('image/no-size', "the board's boot partition needs a size");
  return [gatherTask(board, boots, size, root), fatTask(board, size, tools)];
}

/** The kernel's command line: the board's words, and what it needs to find its root where they do not say. */
export function commandLine(board: Board, root: string): string {
  const words = board.kernel.cmdline.map((word) => word.trim()).filter((word) => word !== '');
  if (words.some((word) => /[\n\r]/.test(word))) {
    const at = board.at('kernel', 'cmdline');
    throw new Failure({ severity: 'error', code: 'image/cmdline', message: 'the kernel command line is one line', at });
  }
  const given = new Set(words.flatMap((word) => word.split(/\s+/)).map((word) => word.replace(/=.*/, '')));
  const { format } = board.image.partitions.root;
  const more = [
    ...(given.has('root') ? [] : [`root=${root}`]),
    ...(given.has('rootfstype') ? [] : [`rootfstype=${format}`]),
    ...(given.has('rootwait') ? [] : ['rootwait']),
    ...(given.has('ro') || given.has('rw') ? [] : [board.root.readonly || format !== 'ext4' ? 'ro' : 'rw']),
  ];
  return [...words, ...more].join(' ');
}

function gatherTask(board: Board, boots: readonly BootTree[], size: number, root: string): Task {
  const config = `# Made by pibuild from the board '${board.name}'.\n${board.config.map((line) => `${line}\n`).join('')}`;
  const trees = boots.map(({ name, ref }) => ({ name, input: `trees/${name.replaceAll('/', '+')}`, ref }));
  const texts = { 'config.txt': config, 'cmdline.txt': `${commandLine(board, root)}\n`, ...identityFile(board) };
  const params: BootFilesParams = {
    parts: [
      ...trees.map(({ name, input }) => ({ name, input })),
      ...Object.keys(texts).map((file) => ({ name: board.name, input: file, file })),
    ],
    size,
  };
  const inputs: Record<string, Input> = Object.fromEntries(trees.map(({ input, ref }) => [input, ref]));
  for (const [file, text] of Object.entries(texts)) inputs[file] = { from: 'text', text };
  return {
    id: `${board.name}:boot-files` as TaskId,
    kind: bootFilesKind.kind,
    title: 'gather the boot files',
    params: { ...params },
    inputs,
    outputs: { files: 'tree' },
  };
}

function fatTask(board: Board, size: number, tools: ArtifactRef): Task {
  return commandTask({
    id: `${board.name}:boot`,
    title: 'make the FAT of the boot partition',
    tools,
    inputs: { files: artifact(`${board.name}:boot-files`, 'files') },
    outputs: { boot: 'file' },
    pool: 'disk',
    script: fatScript(size, board.image.partitions.boot.label, shortIdOf(board.name, 'boot')),
  });
}

/** Names are sorted, since they lie in a FAT in the order of copying; mtools dates them by SOURCE_DATE_EPOCH. */
function fatScript(size: number, label: string, id: string): string {
  const { bits, sectorsPerCluster } = fatOf(size);
  return script`
export LC_ALL=C.UTF-8
truncate -s ${size} out/boot
mkfs.vfat --invariant -F ${bits} -s ${sectorsPerCluster} -i ${id} -n ${quote(label)} out/boot
image=$PWD/out/boot
cd in/files
full() {
  echo 'error: the boot files do not fit their partition of ${formatBytes(size)} bytes, if only by a few clusters' >&2
  exit 1
}
find . -mindepth 1 -type d -printf '%P\0' | LC_ALL=C sort -z | while IFS= read -r -d '' folder; do
  mmd -i "$image" "::/$folder" || full
done
find . -type f -printf '%P\0' | LC_ALL=C sort -z | while IFS= read -r -d '' file; do
  mcopy -i "$image" "./$file" "::/$file" || full
done
`;
}
