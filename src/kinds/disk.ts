import { Failure } from '../diagnostic.ts';
import type { Task } from '../graph/task.ts';
import { FAT_PARTITION, fatOf } from '../image/fat.ts';
import { shortIdOf, uuidOf } from '../image/identity.ts';
import { formatBytes } from '../image/largest.ts';
import type { Board } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef } from './kind.ts';
import { script } from './script.ts';

/** Where partitions begin and end: the erase blocks of cards are this large at most (SD Physical Layer, "AU size"). */
export const ALIGNMENT = 4 * 1024 * 1024;

/** A GPT's copy of itself: 32 sectors of entries, and a header. */
const GPT_COPY = 33 * 512;

/** The sizes of a card, in bytes, whole alignments. */
export interface DiskLayout {
  readonly boot: number | undefined;
  /** Undefined: as large as the filesystem turns out. */
  readonly root: number | undefined;
  /** Undefined: there is none. */
  readonly data: number | undefined;
  /** Of the whole image; undefined: the next power of two. */
  readonly total: number | undefined;
}

/** The sizes that a board asks for. Partitions that do not fit its card are a `Failure` that says by how much. */
export function diskLayout(board: Board): DiskLayout {
  const { partitions, size } = board.image;
  const layout = {
    boot: aligned(partitions.boot.size),
    root: aligned(partitions.root.size),
    data: aligned(partitions.data?.size),
    total: size,
  };
  const table = board.image.table === 'gpt' ? GPT_COPY : 0;
  const end = ALIGNMENT + (layout.boot ?? 0) + (layout.root ?? 0) + (layout.data ?? 0) + table;
  if (size === undefined || end <= size) return layout;
  throw new Failure({
    severity: 'error',
    code: 'image/too-large',
    message: `the partitions do not fit the card image of ${formatBytes(size)} bytes: ${formatBytes(end - size)} bytes too many`,
    hint: 'make a partition smaller, or image.size larger',
    at: board.at('image', 'size'),
  });
}

/** The id of a board's card in its partition table; the kernel finds a partition by `PARTUUID=<id>-<number>`. */
export function diskId(board: Board): string {
  return shortIdOf(board.name, 'disk');
}

/** What the kernel is told to find the root by: `PARTUUID=` and this. */
export function rootPartitionId(board: Board): string {
  return board.image.table === 'gpt' ? partitionId(board, 'root') : `${diskId(board)}-02`;
}

/** The task that puts the partitions together with genimage: the artifact `image`, sparse. */
export function planDisk(board: Board, layout: DiskLayout, tools: ArtifactRef): Task {
  const gpt = board.image.table === 'gpt';
  return commandTask({
    id: `${board.name}:disk`,
    title: 'make the card image',
    tools,
    inputs: {
      boot: artifact(`${board.name}:boot`, 'boot'),
      rootfs: artifact(`${board.name}:rootfs`, 'rootfs'),
      ...(layout.data !== undefined && { data: artifact(`${board.name}:data`, 'data') }),
      'genimage.cfg': { from: 'text', text: gpt ? gptConfig(board, layout) : mbrConfig(board, layout) },
    },
    outputs: { image: 'file' },
    pool: 'disk',
    script: gpt ? gptScript(layout.total) : mbrScript(layout.total),
  });
}

function mbrConfig(board: Board, layout: DiskLayout): string {
  return `image image {
  hdimage {
    partition-table-type = "mbr"
    disk-signature = 0x${diskId(board)}
    align = ${ALIGNMENT}
  }
${partition('boot', 'boot', layout.boot, `partition-type = ${FAT_PARTITION[fatOf(layout.boot ?? 0).bits]}`, 'bootable = true')}
${partition('root', 'rootfs', layout.root, 'partition-type = 0x83')}
${layout.data === undefined ? '' : `${partition('data', 'data', layout.data, 'partition-type = 0x83')}\n`}}
`;
}

/** Types of partitions: UEFI 2.10, 5.3.3 (the EFI system partition), and "Linux filesystem data". */
const TYPES = { boot: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b', linux: '0fc63daf-8483-4772-8e79-3d69d8477de4' };

/** The script fills in the size. */
function gptConfig(board: Board, layout: DiskLayout): string {
  const ids = (name: string, type: string) => [
    `partition-type-uuid = "${type}"`,
    `partition-uuid = "${partitionId(board, name)}"`,
  ];
  return `image image {
  size = @SIZE@
  hdimage {
    partition-table-type = "gpt"
    disk-uuid = "${uuidOf(board.name, 'disk')}"
    align = ${ALIGNMENT}
  }
${partition('boot', 'boot', layout.boot, ...ids('boot', TYPES.boot))}
${partition('root', 'rootfs', layout.root, ...ids('root', TYPES.linux))}
${layout.data === undefined ? '' : `${partition('data', 'data', layout.data, ...ids('data', TYPES.linux))}\n`}}
`;
}

function partitionId(board: Board, name: string): string {
  return uuidOf(board.name, 'partition', name);
}

function partition(name: string, image: string, size: number | undefined, ...more: readonly string[]): string {
  const lines = [`image = "${image}"`, ...more, ...(size === undefined ? [] : [`size = ${size}`])];
  return `  partition ${name} {\n${lines.map((line) => `    ${line}\n`).join('')}  }`;
}

const GENIMAGE = 'genimage --rootpath root --tmppath tmp --inputpath in --outputpath made';

/** The image ends where a card or an emulator wants it to, in a hole. */
function mbrScript(total: number | undefined): string {
  return script`
mkdir root made
${GENIMAGE} --config in/genimage.cfg
${roundUp(total)}
truncate -s "$total" made/image
mv made/image out/image
`;
}

/** A GPT has a copy of itself at the end, so that must be known first. */
function gptScript(total: number | undefined): string {
  return script`
mkdir root made
sed '/@SIZE@/d' in/genimage.cfg > first.cfg
${GENIMAGE} --config first.cfg
${roundUp(total)}
rm -r made; mkdir made
sed "s/@SIZE@/$total/" in/genimage.cfg > second.cfg
${GENIMAGE} --config second.cfg
mv made/image out/image
`;
}

/** Bash that sets `total` to the size of the image. */
function roundUp(total: number | undefined): string {
  return script`
made=$(stat -c %s made/image)
total=${total ?? 1}
${total === undefined ? 'while [ "$total" -lt "$made" ]; do total=$((total * 2)); done' : ''}
if [ "$made" -gt "$total" ]; then
  echo "error: the partitions do not fit the card image of $total bytes: $((made - total)) bytes too many" >&2
  exit 1
fi
`.trim();
}

function aligned(size: number | undefined): number | undefined {
  return size === undefined ? undefined : Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}
