import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { firstDifference, twoRuns } from '../../src/build/compare.ts';
import { unsquashBy } from '../../src/build/unsquash.ts';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import { commandTask } from '../../src/kinds/command.ts';
import { buildWith, toolsOf } from '../helpers/tools.ts';

/**
 * What `make --check` says of two results that are not the same. The real tools make both, `one/NAME` and `two/NAME`,
 * with one thing that differs between them.
 */

/** Runs a script over a tools tree; gives the folder that it filled, and the tree. */
async function made(tools: string, script: string): Promise<{ folder: string; tree: string }> {
  const result = await buildWith([tools], (provides) => ({
    target: 'test:pairs',
    tasks: [
      commandTask({
        id: 'test:pairs',
        title: 'make pairs',
        tools: toolsOf(provides(tools)),
        script: `mkdir -p out/pairs/one out/pairs/two; cd out/pairs\n${script}`,
        outputs: { pairs: 'tree' },
      }),
    ],
  }));
  if (!result.ok) {
    const printed = result.events.flatMap((event) => (event.type === 'task-output' ? [event.line] : []));
    throw new Error([...result.diagnostics.map(formatDiagnostic), ...printed].join('\n'));
  }
  return { folder: await result.output('test:pairs', 'pairs'), tree: await result.output(`${tools}:unpack`, 'tree') };
}

let images: { folder: string; tree: string };
let objects: { folder: string; tree: string };

/** A root with a file in a folder, a link, a large file; \`$1\` is in the file, \`$2\` its mode. */
const ROOT = `
root() {
  rm -rf root; mkdir -p root/etc/deep; echo "host $1" > root/etc/deep/hostname; chmod "$2" root/etc/deep/hostname
  ln -s "$3" root/etc/link; seq 300000 > root/large; for n in $(seq 300); do echo $n > "root/etc/file $n"; done
  tar -cf root.tar --sort=name --mtime=@1000000000 --owner=0 --group=0 -C root .
}
`;

beforeAll(async () => {
  images = await made(
    'tools/image',
    `${ROOT}
ext4() { truncate -s 16M "$1"; mke2fs -q -t ext4 -b 4096 -U 11111111-1111-1111-1111-111111111111 -E hash_seed=11111111-1111-1111-1111-111111111111,root_owner=0:0 -L "$2" -d root.tar "$1"; }
fat() { truncate -s "$3" "$1"; mkfs.vfat -F "$2" -s 1 -i 12345678 --invariant "$1" > /dev/null; mmd -i "$1" ::overlays; mcopy -i "$1" root/etc/deep/hostname "::overlays/a long name.txt"; mcopy -i "$1" root/large ::LARGE.TXT; }
disk() { printf 'image %s {\\n hdimage { partition-table-type = "mbr"\\ndisk-signature = 0x12345678 }\\n partition boot { partition-type = 0xC\\n image = "%s" }\\n partition root { partition-type = 0x83\\n image = "%s" }\\n}\\n' "$1" "$2" "$3" > config
  genimage --rootpath empty --tmppath tmp --inputpath . --outputpath . --config config > log 2>&1 || { cat log; exit 1; }; rm -rf tmp; }
mkdir empty
root alike 644 there
cp root.tar one/content.tar; ext4 one/content.ext4 root; fat one/content.fat16 16 16M; fat one/content.fat32 32 40M; sqfstar -quiet -no-progress one/content.squashfs < root.tar
cp root.tar one/mode.tar; cp one/content.ext4 one/mode.ext4; cp one/content.squashfs one/mode.squashfs; cp one/content.ext4 one/label.ext4; cp one/content.ext4 one/link.ext4
disk disk.img one/content.fat32 one/content.ext4; mv disk.img one/disk.img
ext4 two/label.ext4 other
SOURCE_DATE_EPOCH=1000000000 fat two/time.fat16 16 16M; cp one/content.fat16 one/time.fat16
root other 644 there
cp root.tar two/content.tar; ext4 two/content.ext4 root; fat two/content.fat16 16 16M; fat two/content.fat32 32 40M; sqfstar -quiet -no-progress two/content.squashfs < root.tar
disk disk.img one/content.fat32 two/content.ext4; mv disk.img two/disk.img
root alike 600 there
cp root.tar two/mode.tar; ext4 two/mode.ext4 root; sqfstar -quiet -no-progress two/mode.squashfs < root.tar
root alike 644 elsewhere
ext4 two/link.ext4 root
rm -rf root root.tar empty config log`,
  );
  objects = await made(
    'tools/build',
    `
object() { printf 'int value = %s;\\nint add(int a) { return a + value; }\\nconst char text[] = "%s";\\n' "$2" "$3" > a.c; aarch64-linux-gnu-gcc -c -o "$1" a.c; }
archive() { object "a name that is too long for ar.o" "$2" same; object b.o 1 same; rm -f "$1"; aarch64-linux-gnu-ar rcD "$1" b.o "a name that is too long for ar.o"; }
object one/data.o 1 same; object two/data.o 2 same
object one/rodata.o 1 here; object two/rodata.o 1 gone
archive one/library.a 1; archive two/library.a 2
printf 'line one\\nline two\\n' | gzip -n > one/text.gz; printf 'line one\\nline 2\\n' | gzip -n > two/text.gz
touch -d @1000 f; gzip -k -c f > one/time.gz; touch -d @2000 f; gzip -k -c f > two/time.gz
tar --sort=name --mtime=@1 -cf one/nested.tar one/library.a --transform s/one/lib/; tar --sort=name --mtime=@1 -cf two/nested.tar two/library.a --transform s/two/lib/
touch x y; tar --mtime=@1 -cf one/order.tar x y; tar --mtime=@1 -cf two/order.tar y x
tar --mtime=@1 -cf one/times.tar x; tar --mtime=@2 -cf two/times.tar x
printf '\\0one' > one/bytes; printf '\\0two' > two/bytes; printf '\\0' > one/length; printf '\\0\\0' > two/length
rm -f a.c *.o f x y`,
  );
}, 300_000);

function where({ folder, tree }: { folder: string; tree: string }, name: string): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'pibuild-difference-'));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  return firstDifference(join(folder, 'one', name), join(folder, 'two', name), twoRuns, unsquashBy(tree, scratch));
}

test.each([
  ['content.tar', "member './etc/deep/hostname': line 1: host alike -> host other"],
  [
    'mode.tar',
    "member './etc/deep/hostname': file 644 0:0 11 2001-09-09T01:46:40Z became file 600 0:0 11 2001-09-09T01:46:40Z",
  ],
  ['content.ext4', "file 'etc/deep/hostname': line 1: host alike -> host other"],
  [
    'mode.ext4',
    "file 'etc/deep/hostname': file 644 0:0 11 2001-09-09T01:46:40Z became file 600 0:0 11 2001-09-09T01:46:40Z",
  ],
  [
    'link.ext4',
    expect.stringMatching(/^file 'etc\/link': link 777 0:0 \S+ -> there became link 777 0:0 \S+ -> elsewhere$/),
  ],
  ['label.ext4', expect.stringMatching(/^superblock: byte \d+ is the first that differs$/)],
  ['content.fat16', "file 'overlays/a long name.txt': line 1: host alike -> host other"],
  [
    'time.fat16',
    "file 'overlays': folder 2026-01-01T00:00:00, made 2026-01-01T00:00:00 became folder 2001-09-09T01:46:40, made 2001-09-09T01:46:40",
  ],
  ['content.fat32', "file 'overlays/a long name.txt': line 1: host alike -> host other"],
  ['content.squashfs', "'etc/deep/hostname': line 1: host alike -> host other"],
  [
    'mode.squashfs',
    expect.stringMatching(/^'~modes, owners and times': line \d+: -rw-r--r-- 0\/0 .* -> -rw------- 0\/0 /),
  ],
  ['disk.img', "partition '2': file 'etc/deep/hostname': line 1: host alike -> host other"],
])('of filesystems and disks the file that differs is named: %s', async (name, expected) => {
  expect(await where(images, name)).toEqual(expected);
});

test.each([
  ['data.o', "section '.data': byte 0 is the first that differs"],
  ['rodata.o', expect.stringMatching(/^section '.rodata': (byte|line)/)],
  ['library.a', "member 'a name that is too long for ar.o': section '.data': byte 0 is the first that differs"],
  [
    'nested.tar',
    "member 'lib/library.a': member 'a name that is too long for ar.o': section '.data': byte 0 is the first that differs",
  ],
  ['text.gz', 'content: line 2: line two -> line 2'],
  ['time.gz', expect.stringMatching(/^header: made at 1970-01-01T00:16:40Z, .* became made at 1970-01-01T00:33:20Z/)],
  ['order.tar', "the same in another order: member 'y' is where member 'x' was"],
  ['times.tar', expect.stringMatching(/^member 'x': file .*T00:00:01Z became .*T00:00:02Z$/)],
  ['bytes', 'byte 1 is the first that differs'],
  ['length', 'one is longer: 1 bytes became 2'],
])('of archives and object files the member or section that differs is named: %s', async (name, expected) => {
  expect(await where(objects, name)).toEqual(expected);
});
