import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { formatLock } from '../../src/archive/lock-file.ts';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import type { TaskId } from '../../src/graph/task.ts';
import { artifact, commandTask } from '../../src/kinds/command.ts';
import { packageKinds } from '../../src/kinds/index.ts';
import { planPackages } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import type { DebsLock } from '../../src/recipe/model.ts';
import { debOf, digestIn, type Member } from '../helpers/archive.ts';
import { buildWith, checkout, toolsOf } from '../helpers/tools.ts';

/** Each tools tree, made of its real debs, does what it is for. */

/** Runs a script over a tools tree; what it left in `out/facts`. */
async function inside(tools: string, script: string): Promise<string> {
  const result = await buildWith([tools], (provides) => ({
    target: 'test:inside',
    tasks: [
      commandTask({
        id: 'test:inside',
        title: 'try the tools',
        tools: toolsOf(provides(tools)),
        script: `# ${Math.random()}\n${script}`,
        outputs: { facts: 'file' },
      }),
    ],
  }));
  if (!result.ok) throw new Error(result.diagnostics.map(formatDiagnostic).join('\n'));
  return readFileSync(await result.output('test:inside', 'facts'), 'utf8');
}

test('tools/build compiles C and C++ for the board and C for itself, and runs what kernels need', async () => {
  const facts = await inside(
    'tools/build',
    String.raw`
printf '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' > hello.c
printf '#include <iostream>\nint main() { std::cout << "hello"; }\n' > hello.cc
aarch64-linux-gnu-gcc -O2 -static -o static hello.c
aarch64-linux-gnu-gcc -O2 -flto -o lto hello.c
aarch64-linux-gnu-g++ -o cc hello.cc
for each in static lto cc; do aarch64-linux-gnu-readelf -h $each | grep -c AArch64 >> out/facts; done
cc -o native hello.c && ./native >> out/facts
printf '#include <openssl/evp.h>\n#include <curses.h>\nint main(void) { return !EVP_sha256(); }\n' > libraries.c
gcc libraries.c -o libraries -lcrypto $(pkg-config --libs ncursesw) && ./libraries
printf '%%%%\n.* puts("lexed");\n%%%%\nint yywrap(void) { return 1; }\nint main(void) { return yylex(); }\n' > l.l
flex -o l.c l.l && gcc -o l l.c && echo x | ./l | head -1 >> out/facts
printf '%%token X\n%%%%\ns: X;\n' > y.y && bison -o y.c y.y
printf 'all: a b\na b:\n\t@touch $@\n' > Makefile && make && ls a b > /dev/null
echo '2^10' | bc >> out/facts
echo a b | awk '{ print $2 }' >> out/facts
perl -MFile::Spec -MGetopt::Long -MPOSIX -e 'print "perl\n"' >> out/facts
for each in ccache cpio depmod rsync patch bzip2 xz zstd gzip m4 yacc; do command -v $each > /dev/null || echo "no $each" >> out/facts; done
`,
  );
  expect(facts.split('\n')).toEqual(['1', '1', '1', 'hello', 'lexed', '1024', 'b', 'perl', '']);
});

test('tools/image makes every filesystem, disk and device tree that an image needs', async () => {
  const facts = await inside(
    'tools/image',
    `
mkdir -p root/etc input && echo hi > root/etc/issue
tar --owner=7 --group=8 -cf root.tar -C root .
mke2fs -q -t ext4 -d root.tar input/root.ext4 8M
debugfs -R 'stat /etc/issue' input/root.ext4 2> /dev/null | grep -o 'User: *7 *Group: *8' >> out/facts
fsck.ext4 -fn input/root.ext4 > /dev/null 2>&1
sqfstar -quiet -no-progress -comp zstd root.sqfs < root.tar && unsquashfs -lc root.sqfs | grep issue >> out/facts
mkfs.vfat -C input/boot.vfat 4096 > /dev/null && mcopy -i input/boot.vfat root/etc/issue '::Long file name.txt'
mdir -b -i input/boot.vfat :: >> out/facts
cat > disk.cfg <<'CFG'
image disk.img {
  hdimage {}
  partition boot { partition-type = 0xC image = "boot.vfat" }
  partition root { partition-type = 0x83 image = "root.ext4" }
}
CFG
genimage --config disk.cfg --rootpath root --tmppath tmp --inputpath input --outputpath . 2> /dev/null
stat -c %s disk.img >> out/facts
echo '/dts-v1/; / { a = <1>; };' | dtc -O dtb -o a.dtb - && fdtget a.dtb / a >> out/facts
bsdtar -tf root.tar ./etc/issue >> out/facts
`,
  );
  expect(facts.split('\n')).toEqual([
    'User:     7   Group:     8',
    expect.stringContaining('etc/issue'),
    '::/Long file name.txt',
    '12583424',
    '1',
    './etc/issue',
    '',
  ]);
});

test('tools/emulator has the Pi 3, its USB network, overlays and ssh', async () => {
  const facts = await inside(
    'tools/emulator',
    `
help=$(qemu-system-aarch64 -M help) && case $help in *raspi3b*) echo raspi3b >> out/facts ;; esac
qemu-img create -q -f raw disk.img 64M
qemu-img create -q -f qcow2 -b disk.img -F raw overlay.qcow2 128M
# The machine starts, halts at once since nothing is loaded, and the monitor ends it.
printf 'info version\\nquit\\n' | timeout 60 qemu-system-aarch64 -M raspi3b -display none -serial null -monitor stdio \\
  -drive if=sd,file=overlay.qcow2,format=qcow2 -device usb-net,netdev=n0 -netdev user,id=n0 -S > monitor 2>&1
echo "ended $?" >> out/facts
ssh -V 2>> out/facts
ssh-keygen -q -t ed25519 -N '' -f key && echo key >> out/facts
`,
  );
  expect(facts.split('\n')).toEqual(['raspi3b', 'ended 0', expect.stringMatching(/^OpenSSH_/), 'key', '']);
});

test('tools/userland has apt, mmdebstrap and the keyrings, and runs an arm64 program that tools/build compiled', async () => {
  const result = await buildWith(['tools/build', 'tools/userland'], (provides) => ({
    target: 'test:run',
    tasks: [
      commandTask({
        id: 'test:compile',
        title: 'compile',
        tools: toolsOf(provides('tools/build')),
        script: `echo 'int puts(const char *); int main(void) { return !puts("hello from arm64"); }' > hello.c
aarch64-linux-gnu-gcc -static -o out/hello hello.c
`,
        outputs: { hello: 'file' },
      }),
      commandTask({
        id: 'test:run',
        title: 'run',
        tools: toolsOf(provides('tools/userland')),
        inputs: { hello: artifact('test:compile', 'hello') },
        script: `qemu-aarch64-static in/hello > out/facts
apt-get --version > /dev/null
mmdebstrap --version > /dev/null
ls /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/ubuntu-archive-keyring.gpg > /dev/null
dpkg --print-architecture >> out/facts
`,
        outputs: { facts: 'file' },
      }),
    ],
  }));
  const facts = readFileSync(await result.output('test:run', 'facts'), 'utf8');
  expect(facts).toBe('hello from arm64\namd64\n');
});

const before = process.env.PIBUILD_DEBIAN_MIRROR;
afterEach(() => {
  if (before === undefined) delete process.env.PIBUILD_DEBIAN_MIRROR;
  else process.env.PIBUILD_DEBIAN_MIRROR = before;
});

/** A project with a tools package `own` of these debs, which lie on a mirror of this machine; its tree's folder. */
async function ownTools(debs: Readonly<Record<string, readonly Member[]>>, recipe: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-system-'));
  const [pool, own] = [join(folder, 'mirror/pool'), join(folder, 'packages/own')];
  for (const each of [pool, own]) mkdirSync(each, { recursive: true });
  const locked: DebsLock['debs'][number][] = [];
  for (const [name, members] of Object.entries(debs)) {
    const bytes = await debOf([...members, { name: `./var/${Math.random()}`, text: '' }]);
    writeFileSync(join(pool, `${name}.deb`), bytes);
    const { hash: sha256, size } = digestIn(bytes);
    locked.push({
      name,
      version: '1',
      architecture: 'amd64',
      archive: 'debian',
      path: `pool/${name}.deb`,
      size,
      sha256,
    });
  }
  const requested = Object.keys(debs);
  const suites = ['trixie', 'trixie-updates', 'trixie-security'];
  const head = { format: 1, distribution: 'debian', suites, architecture: 'amd64', requested } as const;
  writeFileSync(join(own, 'debs.lock.json'), formatLock({ ...head, snapshot: '20260101T000000Z', debs: locked }));
  const lines = ['package: own', 'kind: tools', `debs: [${requested.join(', ')}]`, ...recipe, ''];
  writeFileSync(join(own, 'package.yaml'), lines.join('\n'));
  writeFileSync(join(folder, 'pibuild.yaml'), 'project: own\n');
  // Everything but our own debs is in the store by now.
  await inside('tools/bootstrap', 'touch out/facts\n');
  process.env.PIBUILD_DEBIAN_MIRROR = join(folder, 'mirror');
  const project = loadProject({ folder, installation: checkout, kinds: packageKinds });
  const { graph } = planPackages(project, ['own']);
  const tasks = [...graph.tasks.values()].filter(({ id }) => id.startsWith('own:'));
  const result = await buildWith(['tools/bootstrap'], () => ({ tasks, target: 'own:unpack' as TaskId }));
  const told = result.diagnostics.map(formatDiagnostic).join('\n');
  const tail = result.events.flatMap((event) => (event.type === 'task-failed' ? event.tail : [])).join('\n');
  return {
    told,
    tail,
    read: async (path: string) => readFileSync(join(await result.output('own:unpack', 'tree'), path), 'utf8'),
  };
}

test('of a path that several debs bring the last in the lock stays, whoever was unpacked last', async () => {
  const big = 'x'.repeat(200_000);
  const debs = {
    a: [
      { name: './usr/same', text: `a${big}` },
      { name: './usr/a', text: 'a' },
    ],
    b: [
      { name: './usr/same', text: `b${big}` },
      { name: './usr/b', text: 'b' },
    ],
    c: [
      { name: './usr/same', text: 'c' },
      { name: './usr/b', text: 'c' },
    ],
  };
  const { read } = await ownTools(debs);
  expect([await read('usr/same'), await read('usr/a'), await read('usr/b')]).toEqual(['c', 'a', 'c']);
});

test('a recipe adds files and links and leaves out what it names', async () => {
  const debs = {
    a: [
      { name: './usr/bin/mawk', text: 'awk' },
      { name: './usr/share/big/x', text: 'x' },
    ],
  };
  const recipe = ['links: { usr/bin/awk: mawk }', 'files: { etc/own.conf: "own\\n" }', 'exclude: [usr/share/b*]'];
  const { read } = await ownTools(debs, recipe);
  expect(await read('usr/bin/awk')).toBe('awk');
  expect(await read('etc/own.conf')).toBe('own\n');
  expect(await read('etc/passwd')).toContain('pibuild:x:1000:1000:');
  await expect(read('usr/share/big/x')).rejects.toThrow();
});

test.each([
  ['links: { usr/bin/awk: gawk }', "'usr/bin/awk' would link to 'gawk', which is not there"],
  ['links: { usr/bin/mawk: gawk }', "'usr/bin/mawk' cannot be a link to 'gawk': it is there already"],
  ['exclude: [usr/none*]', "nothing matches 'usr/none*'"],
  ['exclude: [usr/none]', "nothing matches 'usr/none'"],
])('what a recipe gets wrong is said: %s', async (line, expected) => {
  const { tail } = await ownTools({ a: [{ name: './usr/bin/mawk', text: 'awk' }] }, [line]);
  expect(tail).toContain(expected);
});
