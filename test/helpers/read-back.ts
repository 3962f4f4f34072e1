import { bufferSource, tarMembers } from '../../src/image/tar-reader.ts';

/**
 * Filesystems read back by their own tools, as lines of `helpers/layers.ts`, to be compared with the archive they were
 * made of. Each has a script, which leaves an archive at `out/found`, and a reader of that archive. `paths` (an input of
 * the script) has one path a line; `commands` is for debugfs.
 */

export const EXT4_SCRIPT = `
e2fsck -fn in/rootfs
mkdir files
debugfs -f in/commands in/rootfs > stats 2> errors
tar -cf out/found stats files
`;

export function debugfsCommands(paths: readonly string[]): string {
  return paths.map((path, index) => `stat "/${path}"\ndump "/${path}" files/${index}\n`).join('');
}

/** The lines of an ext4, and the modification times in it. */
export function ext4Lines(found: Buffer, paths: readonly string[]): { lines: string[]; times: Set<string> } {
  const files = filesOf(found);
  const blocks = (files.get('stats')?.toString() ?? '').split(/^(?=Inode: )/m).slice(1);
  const names = new Map<string, string>();
  const times = new Set<string>();
  const lines = paths.map((path, index) => {
    const block = blocks[index] ?? '';
    const get = (pattern: RegExp) => pattern.exec(block)?.[1] ?? '';
    const inode = get(/^Inode: (\d+)/);
    const type = get(/Type: (.*?) {2,}Mode/);
    const facts = `${get(/Mode: +0*(\d{4})\b/)} ${get(/User: +(\d+)/)}:${get(/Group: +(\d+)/)}`;
    const content = files.get(`files/${index}`)?.toString() ?? '';
    const first = names.get(inode);
    names.set(inode, path);
    times.add(get(/ mtime: (0x[0-9a-f]+)/));
    if (type === 'directory') return `${path}/ ${facts}`;
    if (first !== undefined) return `${path} => ${first}`;
    if (type === 'symlink') return `${path} -> ${get(/Fast link dest: "(.*)"/) || content}`;
    if (type === 'regular') return `${path} ${facts} = ${content}`;
    const [major = '', minor = ''] = get(/Device major\/minor number: (\d+:\d+)/).split(':');
    return `${path} ${facts} ${type.slice(0, 1)} ${Number(major)}:${Number(minor)}`;
  });
  return { lines, times };
}

export const SQUASHFS_SCRIPT = `
unsquashfs -UTC -lln in/rootfs > list
mkdir files
index=0
while read -r path; do unsquashfs -cat in/rootfs "$path" > "files/$index" 2> errors || true; index=$((index + 1)); done < in/paths
tar -cf out/found list files
`;

/** The lines of a squashfs (hard links as files, devices without their numbers), and the times in it. */
export function squashfsLines(found: Buffer, paths: readonly string[]): { lines: string[]; times: Set<string> } {
  const files = filesOf(found);
  const times = new Set<string>();
  const listed = new Map<string, string>();
  for (const line of files.get('list')?.toString().split('\n') ?? []) {
    const [, bits = '', owner = '', rest = ''] = /^([-dlbc]\S{9}) (\d+\/\d+) +(.*)$/.exec(line) ?? [];
    const [, time = '', path = '', target = ''] =
      /(\d{4}-\d\d-\d\d \d\d:\d\d) squashfs-root\/?(.*?)(?: -> (.*))?$/.exec(rest) ?? [];
    if (bits === '') continue;
    times.add(time);
    const facts = `${modeOf(bits)} ${owner.replace('/', ':')}`;
    const index = paths.indexOf(path);
    const content = files.get(`files/${index}`)?.toString() ?? '';
    const lines: Readonly<Record<string, string>> = {
      d: `${path}/ ${facts}`,
      l: `${path} -> ${target}`,
      '-': `${path} ${facts} = ${content}`,
    };
    listed.set(path, lines[bits.slice(0, 1)] ?? `${path} ${facts} ${bits.slice(0, 1)}`);
  }
  return { lines: paths.map((path) => listed.get(path) ?? `${path} is missing`), times };
}

/** The files of an archive. */
export function filesOf(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const { path, type, offset, size } of tarMembers(bufferSource(archive)))
    if (type === 'file') files.set(path, archive.subarray(offset, offset + size));
  return files;
}

/** `rwsr-x--t` in octal digits. */
function modeOf(bits: string): string {
  const set = (at: number, ...marks: string[]) => (marks.includes(bits[at] ?? '') ? 1 : 0);
  const group = (at: number) => 4 * set(at, 'r') + 2 * set(at + 1, 'w') + set(at + 2, 'x', 's', 't');
  const special = 4 * set(3, 's', 'S') + 2 * set(6, 's', 'S') + set(9, 't', 'T');
  return `${special}${group(1)}${group(4)}${group(7)}`;
}
