import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { artifact, commandTask } from '../../src/kinds/command.ts';
import { workFolder } from '../../src/paths.ts';
import { boardBench } from '../helpers/board.ts';
import { toolsOf } from '../helpers/tools.ts';

/** The kernel of the board that comes with pibuild: compiled once into the shared store, which takes a quarter of an hour. */

const outside = 'test:module';

const bench = boardBench({}, 'rpi3-minimal', (plan) => {
  const tools = plan.provides.get('tools/build');
  if (tools === undefined) throw new Error('a kernel was planned without tools');
  return [
    commandTask({
      id: outside,
      title: 'build i2c-stub outside of the kernel',
      tools: toolsOf(tools),
      inputs: { dev: artifact('linux:build', 'dev'), source: artifact('linux:unpack', 'source') },
      outputs: { module: 'file', facts: 'file' },
      script: `
zstd -dcq in/source | tar -x --strip-components=3 ./drivers/i2c/i2c-stub.c
mkdir module && mv i2c-stub.c module/
echo 'obj-m := i2c-stub.o' > module/Makefile
make -C in/dev M="$PWD/module" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules
cp module/i2c-stub.ko out/module
modinfo -F vermagic module/i2c-stub.ko > out/facts
modinfo -F depends module/i2c-stub.ko >> out/facts
`,
    }),
  ];
});

const lines = (text: Buffer | string) => text.toString().trim().split('\n');
let release = '';

beforeAll(async () => {
  const dev = await bench.path('linux:build', 'dev');
  release = readFileSync(join(dev, 'include/config/kernel.release'), 'utf8').trim();
});

test('the release is the source’s, with nothing behind it', () => {
  expect(release).toMatch(/^6\.12\.\d+$/);
});

test('the image names its version, and no machine, user or moment of its making', async () => {
  const image = readFileSync(await bench.path('linux:build', 'image'));
  expect(image.subarray(56, 60).toString()).toBe('ARMd');
  const banner = /Linux version [^\n\0]*/.exec(image.toString('latin1'))?.[0];
  expect(banner).toMatch(/^Linux version 6\.12\.\d+ \(pibuild@pibuild\) \(aarch64-linux-gnu-gcc .*\) #1 SMP /);
  expect(banner).toMatch(/ UTC 20\d\d$/);
  expect(image.includes(`${workFolder}/`)).toBe(false);
});

test('modules come with what depmod makes of them, and without links into the sandbox', async () => {
  const listing = lines(execFileSync('tar', ['-tvf', await bench.path('linux:build', 'modules')]));
  const modules = listing.filter((line) => line.endsWith('.ko'));
  expect(modules.length).toBeGreaterThan(50);
  expect(listing.some((line) => line.endsWith(`lib/modules/${release}/modules.dep`))).toBe(true);
  expect(listing.filter((line) => line.startsWith('l'))).toEqual([]);
  expect(listing.filter((line) => !line.includes(' 0/0 '))).toEqual([]);
});

test('the boot files are the kernel and the device trees that the board names, by the names the firmware knows', async () => {
  const boot = await bench.path('linux:boot', 'boot');
  expect(readdirSync(boot).sort()).toEqual([
    'bcm2837-rpi-3-a-plus.dtb',
    'bcm2837-rpi-3-b-plus.dtb',
    'bcm2837-rpi-3-b.dtb',
    'bcm2837-rpi-cm3-io3.dtb',
    'bcm2837-rpi-zero-2-w.dtb',
    'kernel8.img',
  ]);
});

test('device trees have symbols, so that overlays apply to them', async () => {
  const dtb = readFileSync(join(await bench.path('linux:boot', 'boot'), 'bcm2837-rpi-3-b.dtb'));
  expect(dtb.includes('__symbols__')).toBe(true);
});

test('a module is built outside of the kernel against the development tree, which is read-only', async () => {
  const facts = lines(readFileSync(await bench.path(outside, 'facts')));
  expect(facts).toEqual([`${release} SMP mod_unload aarch64`]);
  expect(statSync(await bench.path(outside, 'module')).size).toBeGreaterThan(1000);
});

test('the development tree has no path of the sandbox that made it', async () => {
  const dev = await bench.path('linux:build', 'dev');
  const found = execFileSync('bash', ['-c', `grep -rlaF ${workFolder}/ . || true`], { cwd: dev });
  expect(found.toString()).toBe('');
});
