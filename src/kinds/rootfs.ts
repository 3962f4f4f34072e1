import { fail } from '../diagnostic.ts';
import type { Task } from '../graph/task.ts';
import { mke2fsOptions } from '../image/ext4.ts';
import { uuidOf } from '../image/identity.ts';
import { formatBytes } from '../image/largest.ts';
import type { Board } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef } from './kind.ts';
import { quote, script } from './script.ts';

/** What mke2fs would take from /etc otherwise. It must know the type, whose features are then given in full by `-O`. */
const MKE2FS_CONF = `[defaults]
	default_mntopts = acl,user_xattr
	enable_periodic_fsck = 0
[fs_types]
	ext4 = {
		features = has_journal
	}
`;

/**
 * The task that makes the root's filesystem out of `<board>:root`: the artifact `rootfs`. ext4 fills its partition;
 * squashfs is as large as it gets, and must fit if the partition has a size (bytes, rounded up to whole alignments).
 */
export function planRootfs(board: Board, size: number | undefined, tools: ArtifactRef): Task {
  const { format } = board.image.partitions.root;
  const ext4 = format === 'ext4';
  if (ext4 && size === undefined) throw fail('image/no-size', "the board's root partition needs a size");
  return commandTask({
    id: `${board.name}:rootfs`,
    title: `make the ${format} of the root`,
    tools,
    inputs: {
      root: artifact(`${board.name}:root`, 'root'),
      largest: artifact(`${board.name}:root`, 'largest'),
      ...(ext4 && { 'mke2fs.conf': { from: 'text', text: MKE2FS_CONF } }),
    },
    outputs: { rootfs: 'file' },
    pool: 'disk',
    script: ext4 && size !== undefined ? ext4Script(board, size) : readOnlyScript(board, size),
  });
}

/** The task that makes the empty filesystem of the data partition: the artifact `data`. */
export function planData(board: Board, size: number, tools: ArtifactRef): Task {
  const label = board.image.partitions.data?.label ?? '';
  const options = mke2fsOptions(size, label, uuidOf(board.name, 'data partition'), dataJournal(size));
  return commandTask({
    id: `${board.name}:data`,
    title: 'make the filesystem of the data partition',
    tools,
    inputs: { 'mke2fs.conf': { from: 'text', text: MKE2FS_CONF } },
    outputs: { data: 'file' },
    pool: 'disk',
    script: script`
export MKE2FS_CONFIG=$PWD/in/mke2fs.conf
truncate -s ${size} out/data
mke2fs -q ${options.map(quote).join(' ')} out/data
`,
  });
}

/** MiB: it stays as it is when the filesystem grows, so it is one for a card. */
function dataJournal(size: number): number {
  return size < 64 * 2 ** 20 ? 4 : 16;
}

function ext4Script(board: Board, size: number): string {
  const { label } = board.image.partitions.root;
  const options = mke2fsOptions(size, label, uuidOf(board.name, label)).map(quote).join(' ');
  return script`
export MKE2FS_CONFIG=$PWD/in/mke2fs.conf
truncate -s ${size} out/rootfs
if ! mke2fs -q ${options} -d in/root out/rootfs 2> errors; then
  cat errors >&2
  if grep -q 'Could not allocate' errors; then
    echo 'error: the root does not fit its partition of ${formatBytes(size)} bytes, if only by a few blocks; the largest:' >&2
    cat in/largest >&2
  fi
  exit 1
fi
cat errors
`;
}

/** A read-only filesystem is as large as it gets; all of it is dated by SOURCE_DATE_EPOCH. */
function readOnlyScript({ name, image }: Board, size: number | undefined): string {
  const { format, label } = image.partitions.root;
  const check = script`
made=$(stat -c %s out/rootfs)
if [ "$made" -gt ${size ?? 0} ]; then
  printf "error: the root does not fit its partition of %s bytes: %'d bytes too many; the largest, before compression:\\n" \
    '${formatBytes(size ?? 0)}' $((made - ${size ?? 0})) >&2
  cat in/largest >&2
  exit 1
fi
`;
  // sqfstar ignores the archive's entry for the root itself.
  const make =
    format === 'erofs'
      ? `mkfs.erofs --quiet --tar=f -zlz4hc,12 -C65536 -T "$SOURCE_DATE_EPOCH" -U ${uuidOf(name, label)} -L ${quote(label)} out/rootfs in/root`
      : 'sqfstar -comp zstd -b 256K -root-mode 0755 -root-uid 0 -root-gid 0 -no-progress -quiet out/rootfs < in/root';
  return script`
${make}
${size === undefined ? '' : check}`;
}
