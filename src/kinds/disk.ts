import { Failure } from '../diagnostic.ts';
import type { Task } from '../graph/task.ts';
import { FAT_PARTITION, fatOf } from '../image/fat.ts';
import { shortIdOf } from '../image/identity.ts';
import { formatBytes } from '../image/largest.ts';
import type { Board } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef } from './kind.ts';
import { script } from './script.ts';

/** Where partitions begin and end: the erase blocks of cards are this large at most (SD Physical Layer, "AU size"). */
export const ALIGNMENT = 4 * 1024 * 1024;

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
  const end = ALIGNMENT + (layout.boot ?? 0) + (layout.root ?? 0) + (layout.data ?? 0);
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

/** The task that puts the partitions together with genimage: the artifact `image`, sparse. */
export function planDisk(board: Board, layout: DiskLayout, tools: ArtifactRef): Task {
  return commandTask({
    id: `${board.name}:disk`,
    title: 'make the card image',
    tools,
    inputs: {
      boot: artifact(`${board.name}:boot`, 'boot'),
      rootfs: artifact(`${board.name}:rootfs`, 'rootfs'),
      ...(layout.data !== undefined && { data: artifact(`${board.name}:data`, 'data') }),
      'genimage.cfg': { from: 'text', text: genimageConfig(board, layout) },
    },
    outputs: { image: 'file' },
    pool: 'disk',
    script: diskScript(layout.total),
  });
}

function genimageConfig(board: Board, { boot, root, data }: DiskLayout): string {
  return `image image {
  hdimage {
    partition-table-type = "mbr"
    disk-signature = 0x${diskId(board)}
    align = ${ALIGNMENT}
  }
  partition boot {
    image = "boot"
    partition-type = ${FAT_PARTITION[fatOf(boot ?? 0).bits]}
    bootable = true
    size = ${boot}
  }
  partition root {
    image = "rootfs"
    partition-type = 0x83
${root === undefined ? '' : `    size = ${root}\n`}  }
${data === undefined ? '' : dataConfig(data)}}
`;
}

function dataConfig(size: number): string {
  return `  partition data {
    image = "data"
    partition-type = 0x83
    size = ${size}
  }
`;
}

/** The image ends where a card or an emulator wants it to, in a hole. */
function diskScript(total: number | undefined): string {
  return script`
mkdir root made
genimage --config in/genimage.cfg --rootpath root --tmppath tmp --inputpath in --outputpath made
made=$(stat -c %s made/image)
total=${total ?? 1}
${total === undefined ? 'while [ "$total" -lt "$made" ]; do total=$((total * 2)); done' : ''}
if [ "$made" -gt "$total" ]; then
  echo "error: the partitions do not fit the card image of $total bytes: $((made - total)) bytes too many" >&2
  exit 1
fi
truncate -s "$total" made/image
mv made/image out/image
`;
}

function aligned(size: number | undefined): number | undefined {
  return size === undefined ? undefined : Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}
