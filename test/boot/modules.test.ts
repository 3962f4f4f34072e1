import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainTar } from '../../src/image/oci.ts';
import { bufferSource, tarMembers } from '../../src/image/tar-reader.ts';
import { type Installed, install, onGuest, type Running } from '../helpers/boot.ts';
import { moduleRecipe } from '../helpers/modules.ts';
import { folderOf } from '../helpers/recipes.ts';

/** Kernel modules on a board that is on: loaded as it says, changed while it runs, loaded by an image. */

let pibuild: Installed;

beforeAll(async () => {
  pibuild = await install();
});
afterAll(() => pibuild.remove());

function source(word: string): string {
  return `#include <linux/init.h>
#include <linux/module.h>
static int who = 1;
module_param(who, int, 0444);
static int __init hello_init(void) { pr_info("${word} %d\\n", who); return 0; }
static void __exit hello_exit(void) { pr_info("${word} is over\\n"); }
module_init(hello_init);
module_exit(hello_exit);
MODULE_DESCRIPTION("says a word");
MODULE_LICENSE("GPL");
`;
}

function files(): Record<string, string> {
  return {
    'pibuild.yaml': '',
    'boards/mine/board.yaml': `board: mine
extends: rpi3-minimal
packages: [hello]
modules:
  - {name: hello, parameters: {who: 5}}
  - bmp280
  - {name: lm75, load: demand}
root: {readonly: true}
image: {partitions: {root: {format: squashfs}}}
checks:
  - name: a module is loaded with the board's parameter
    run: cat /sys/module/hello/parameters/who
    matches: ^5
`,
    'packages/hello/package.yaml': moduleRecipe('hello'),
    'packages/hello/hello.c': source('hello'),
  };
}

async function done(words: readonly string[], folder: string): Promise<{ code: number | null; said: string }> {
  const running = pibuild.start(words, folder);
  const code = await running.ended;
  return { code, said: running.output() };
}

test('a board loads what it names, from a root that nothing can write to, and every module is checked', async () => {
  const { code, said } = await done(['test', 'mine', '--filter', 'module'], folderOf(files()));
  expect(code, said).toBe(0);
  for (const name of ['hello is loaded', 'bmp280 is loaded', 'lm75 can be loaded'])
    expect(said).toContain(`✓ module ${name}`);
  expect(said).toContain("✓ a module is loaded with the board's parameter");
});

test('a rebuilt module takes the place of the old one while the board is on, and an image loads it, too', async () => {
  const folder = folderOf(files());
  const guest = pibuild.start(['run', 'mine', '--headless'], folder);
  await guest.until(/ssh -p \d+/);
  writeFileSync(join(folder, 'packages/hello/hello.c'), source('good day'));
  const first = await done(['push-module', 'hello', '--board', 'mine'], folder);
  expect(first.code, first.said).toBe(0);
  expect(first.said).toMatch(/rmmod hello\ninsmod hello\.ko who=5\n.*\] hello is over\n.*\] good day 5\n/);
  const second = await done(['push-module', 'hello', '--board', 'mine', 'who=7'], folder);
  expect(second.said).toMatch(/insmod hello\.ko who=7\n.*\] good day is over\n.*\] good day 7\n/);
  const wrong = await done(['push-module', 'hello', '--board', 'mine', 'who=nobody'], folder);
  expect(wrong.code).toBe(1);
  expect(wrong.said).toMatch(/hello: `nobody' invalid for parameter `who'/);
  expect(await loadedByImage(folder, guest)).toMatch(
    /hello\.ko is loaded\n.*hello\.ko is loaded already\n.*hello is removed\ngood day 3/s,
  );
  guest.child.kill('SIGTERM');
  await guest.ended;
  const off = await done(['push-module', 'hello', '--board', 'mine'], folder);
  expect(off.said).toContain("error: board 'mine' is not on");
});

test('the image is one that containerd imports, and its container loads the module if it may', async () => {
  const board = 'board: contained\nextends: rpi3-minimal\npackages: [hello]\nservices: [hello_world]\n';
  const folder = folderOf({ ...files(), 'boards/contained/board.yaml': board });
  const guest = pibuild.start(['run', 'contained', '--headless'], folder);
  await guest.until(/ssh -p \d+/);
  const image = join(folder, 'loader.tar');
  const made = await done(['module', 'hello', '--board', 'contained', '--oci', image], folder);
  expect(made.code, made.said).toBe(0);
  const [, reference = ''] = /^ {2}image: +(\S+)$/m.exec(made.said) ?? [];
  expect(
    await onGuest(guest, 'cat > /run/loader.tar && ctr images import /run/loader.tar && ctr images ls -q', image),
  ).toContain(`\n${reference}`);
  const load = (name: string, capability = '') =>
    onGuest(guest, `ctr run --rm ${capability} ${reference} ${name} 2>&1; grep -c '^hello ' /proc/modules; true`);
  expect(await load('forbidden')).toMatch(/not permitted; it takes the capability CAP_SYS_MODULE[\s\S]*\n0$/);
  expect(await load('allowed', '--cap-add CAP_SYS_MODULE')).toMatch(/hello\.ko is loaded\n1$/);
  guest.child.kill('SIGTERM');
  await guest.ended;
});

/** Unpacks the image's one layer on the board and starts its program there, with nothing else to see. */
async function loadedByImage(folder: string, guest: Running): Promise<string> {
  const { code, said } = await done(
    ['module', 'hello', '--board', 'mine', '--oci', join(folder, 'loader.tar')],
    folder,
  );
  expect(code, said).toBe(0);
  const image = membersOf(readFileSync(join(folder, 'loader.tar')));
  const [manifest] = JSON.parse(String(image.get('manifest.json')));
  const layer = membersOf(image.get(manifest.Layers[0]) ?? Buffer.alloc(0));
  const contents = [...layer].map(([path, bytes]) => ({ path, bytes, executable: path === 'load' }));
  writeFileSync(join(folder, 'root.tar'), plainTar(contents, 0));
  const { Entrypoint } = JSON.parse(String(image.get(manifest.Config))).config;
  const load = `chroot . ${Entrypoint.join(' ')}`;
  const remove = `chroot . /load -r ${Entrypoint.slice(1, -1).join(' ')}`;
  const words = `mkdir -p /run/image && cd /run/image && tar -x && ${load} who=3 && ${load} && ${remove} && dmesg | grep -o 'good day 3'`;
  return onGuest(guest, words, join(folder, 'root.tar'));
}

function membersOf(tar: Buffer): Map<string, Buffer> {
  const members = [...tarMembers(bufferSource(tar))].filter(({ type }) => type === 'file');
  return new Map(members.map(({ path, offset, size }) => [path, tar.subarray(offset, offset + size)]));
}
