import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import { pibuild } from '../../src/commands/program.ts';
import { bufferSource, tarMembers } from '../../src/image/tar-reader.ts';
import { readElf } from '../../src/module/elf.ts';
import { readModule } from '../../src/module/module-info.ts';
import { workFolder } from '../../src/paths.ts';
import { boardBench } from '../helpers/board.ts';
import { moduleRecipe } from '../helpers/modules.ts';
import { folderOf } from '../helpers/recipes.ts';
import { sharedStore } from '../helpers/tools.ts';

/** Kernel modules, really compiled against the kernel that comes with pibuild. */

function source(body = '', license = 'MODULE_LICENSE("GPL");'): string {
  return [
    '#include <linux/i2c.h>',
    '#include <linux/init.h>',
    '#include <linux/module.h>',
    'static int loud;',
    'module_param(loud, int, 0444);',
    'static int __init start(void) { return 0; }',
    'static void __exit stop(void) { }',
    'module_init(start);',
    'module_exit(stop);',
    body,
    'MODULE_DESCRIPTION("a test");',
    license,
    '',
  ].join('\n');
}

function pack(name: string, files: Record<string, string>, more = ''): Record<string, string> {
  const entries = Object.entries(files).map(([path, text]) => [`packages/${name}/${path}`, text]);
  return { [`packages/${name}/package.yaml`]: moduleRecipe(name, more), ...Object.fromEntries(entries) };
}

const useBelow = 'extern int below_value(void); int above_value(void); int above_value(void) { return below_value(); }';

const files = {
  'boards/small/board.yaml': [
    'board: small',
    'extends: rpi3-minimal',
    'packages: [i2c-stub, i2c-twin, above, below, parts]',
    'modules:',
    '  - {name: i2c-stub, parameters: {chip_addr: [0x48, 0x49], number: 7}, load: demand}',
    '  - i2c-twin',
    '  - above',
    '  - bmp280',
    '',
  ].join('\n'),
  ...pack('below', {
    'below.c': source('int below_value(void); int below_value(void) { return 7; } EXPORT_SYMBOL_GPL(below_value);'),
  }),
  ...pack('above', { 'above.c': source(useBelow) }, 'depends: [below]\n'),
  // Two files, and neither Kbuild nor Makefile.
  ...pack('parts', {
    'main.c': source('extern int loudness(void);'),
    'loud.c': 'int loudness(void); int loudness(void) { return 11; }\n',
  }),
  'boards/wrong/board.yaml':
    'board: wrong\nextends: rpi3-minimal\npackages: [symbols, unlicensed, odd, gpl, syntax, absent]\n',
  ...pack('symbols', {
    'symbols.c': source(
      'extern int i2c_add_numbered_adaptor(void); int x(void); int x(void) { return i2c_add_numbered_adaptor(); }',
    ),
  }),
  ...pack('unlicensed', { 'unlicensed.c': source('', '') }),
  ...pack('odd', { 'odd.c': source('', 'MODULE_LICENSE("GPL-2.0");') }),
  ...pack('gpl', {
    'gpl.c': source(
      'int x(void); int x(void) { return IS_ERR(i2c_new_client_device(NULL, NULL)); }',
      'MODULE_LICENSE("Proprietary");',
    ),
  }),
  ...pack('syntax', { 'syntax.c': source('int x(void) { return 1 }') }),
  ...pack('absent', { Kbuild: 'obj-m := other.o\n', 'other.c': source() }),
  'boards/twice/board.yaml': 'board: twice\nextends: rpi3-minimal\npackages: [bh1750]\n',
  ...pack('bh1750', { 'bh1750.c': source() }),
  'boards/asks/board.yaml':
    'board: asks\nextends: rpi3-minimal\nmodules: [bmp28, snd-aloop, {name: bmp280, parameters: {lound: 1}}]\n',
};

const bench = boardBench(files, 'small');
let release = '';

beforeAll(async () => {
  release = readFileSync(join(await bench.path('linux:build', 'dev'), 'include/config/kernel.release'), 'utf8').trim();
});

async function infoOf(name: string, pack = name) {
  const info = readModule(readFileSync(await bench.path(`${pack}:check`, `ko/${name}.ko`)));
  if (info === undefined) throw new Error(`${name} is no module`);
  return info;
}

/** A project with these files, and pibuild as it is called there. */
function projectOf() {
  const folder = folderOf({ 'pibuild.yaml': '', ...files });
  const call = async (...words: string[]) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const text = { out: '', err: '' };
    stdout.on('data', (data) => {
      text.out += data;
    });
    stderr.on('data', (data) => {
      text.err += data;
    });
    const env = { ...process.env, PIBUILD_STORE: sharedStore, FORCE_COLOR: '0', npm_command: 'run' };
    const signal = new AbortController().signal;
    const code = await pibuild(words, { cwd: folder, env, stdin: new PassThrough(), stdout, stderr, signal });
    return { code, ...text };
  };
  return { folder, call };
}

test('a file of the kernel becomes a module with a patch of ours', async () => {
  const info = await infoOf('i2c-stub');
  expect(info).toMatchObject({ machine: 'arm64', license: 'GPL', vermagic: `${release} SMP mod_unload aarch64` });
  expect([...info.parameters.keys()]).toEqual(expect.arrayContaining(['chip_addr', 'number']));
});

test('a module of several files is built with its own Kbuild', async () => {
  expect(await infoOf('i2c-twin')).toMatchObject({ machine: 'arm64', vermagic: `${release} SMP mod_unload aarch64` });
});

test('a module of several files without any Kbuild is one of all of them', async () => {
  expect(await infoOf('parts')).toMatchObject({ vermagic: `${release} SMP mod_unload aarch64` });
});

test('a module that uses another package’s is built on its symbols, and depends on it', async () => {
  expect((await infoOf('above')).depends).toEqual(['below']);
});

test('modules are stripped, and name no folder of the sandbox', async () => {
  const bytes = readFileSync(await bench.path('i2c-twin:check', 'ko/i2c-twin.ko'));
  expect(bytes.includes('.debug_info')).toBe(false);
  expect(bytes.includes(`${workFolder}/`)).toBe(false);
});

test('depmod knows all modules, and prefers those of packages', async () => {
  const layer = readFileSync(await bench.path('small:modules', 'layer'));
  const text = textsIn(layer);
  const dep = text.get(`lib/modules/${release}/modules.dep`) ?? '';
  expect(dep).toContain('updates/i2c-stub.ko:');
  expect(dep).not.toContain('kernel/drivers/i2c/i2c-stub.ko:');
  expect(dep).toContain('updates/above.ko: updates/below.ko\n');
  expect(dep).toMatch(/kernel\/drivers\/iio\/pressure\/bmp280\.ko: /);
  expect(text.get('etc/modules-load.d/pibuild.conf')).toMatch(/\ni2c-twin\nabove\nbmp280\n$/);
  expect(text.get('etc/modprobe.d/pibuild.conf')).toMatch(/\noptions i2c_stub chip_addr=72,73 number=7\n$/);
});

test('the root has the new lists in the place of the kernel’s', async () => {
  const root = readFileSync(await bench.path('small:root', 'root'));
  const paths = [...tarMembers(bufferSource(root))].map(({ path }) => path.replace(/^\.\//, ''));
  expect(paths).toContain(`usr/lib/modules/${release}/updates/i2c-twin.ko`);
  expect(paths.filter((path) => path.endsWith('/modules.dep'))).toHaveLength(1);
  expect(textsIn(root).get(`usr/lib/modules/${release}/modules.dep`)).toContain('updates/i2c-twin.ko');
});

describe('what will not load is told before anything is imaged', () => {
  test.each([
    [
      'symbols',
      /uses 'i2c_add_numbered_adaptor', which this kernel does not export \[module\/unresolved-symbol\][\s\S]*did you mean 'i2c_add_numbered_adapter'/,
    ],
    ['unlicensed', /module 'unlicensed' has no MODULE_LICENSE \[module\/license\]/],
    ['odd', /MODULE_LICENSE\("GPL-2\.0"\) of module 'odd' is none that the kernel knows[\s\S]*did you mean "GPL v2"/],
    ['gpl', /module 'gpl' uses 'i2c_new_client_device', which the kernel gives to GPL-compatible modules alone/],
    ['syntax', /error: syntax does not compile[\s\S]*note: syntax\.c:10:\d+: error: expected/],
    ['absent', /the source of absent makes no module 'absent'; it makes:[\s\S]*note: other\n/],
  ])('%s', async (name, told) => {
    const { call } = projectOf();
    const { code, out } = await call('make', 'wrong', `${name}:check`);
    expect(code).toBe(1);
    expect(out).toMatch(told);
    expect(out).not.toContain('wrong:root');
  });

  test('a module of the kernel’s own name, when the recipe does not say that it is meant', async () => {
    const { call } = projectOf();
    const { code, out } = await call('make', 'twice', 'twice:root');
    expect(code).toBe(1);
    expect(out).toMatch(
      /package 'bh1750' makes a module 'bh1750', which the kernel has too: lib\/modules\/.*\/bh1750\.ko/,
    );
    expect(out).toContain('supersedes: [bh1750]');
  });

  test('modules that the kernel will not have, with the option to set', async () => {
    const { call } = projectOf();
    const { code, out } = await call('make', 'asks', 'asks:modules');
    expect(code).toBe(1);
    expect(out).toMatch(/there is no module 'bmp28'[^\n]*\n.*\n.*\n *hint: did you mean 'bmp280'/);
    expect(out).toMatch(/module 'snd-aloop' is not built: CONFIG_SND_ALOOP is off/);
    expect(out).toMatch(/sound\/drivers\/Makefile:\d+:1: note: this makes it/);
    expect(out).toMatch(/hint: in a fragment of `kernel\.fragments`, add .*CONFIG_SND_ALOOP=m/);
  });
});

describe('pibuild module', () => {
  test('leaves the .ko and says what it is', async () => {
    const { folder, call } = projectOf();
    const { code, out } = await call('module', 'i2c-stub', '--board', 'rpi3-minimal');
    expect(code).toBe(0);
    expect(out).toContain(
      `output/rpi3-minimal/modules/i2c-stub.ko\n  vermagic: ${release} SMP mod_unload aarch64\n  depends:  on nothing\n  license:  GPL\n`,
    );
    expect(readModule(readFileSync(join(folder, 'output/rpi3-minimal/modules/i2c-stub.ko')))?.machine).toBe('arm64');
  });

  test('builds a folder without a recipe, into a folder of one’s choice', async () => {
    const mine = folderOf({ 'hello.c': source() });
    const { call } = projectOf();
    const { code, out } = await call('module', mine, '--board', 'rpi3-minimal', '--out', join(mine, 'built'), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'module',
      module: 'hello',
      license: 'GPL',
    });
    expect(existsSync(join(mine, 'built/hello.ko'))).toBe(true);
  });

  test('compiles only the module after a change of a line, and nothing after none', async () => {
    const mine = folderOf({ 'hello.c': source(`/* ${Date.now()} */`) });
    const { call } = projectOf();
    await call('module', mine, '--board', 'rpi3-minimal');
    const same = await call('module', mine, '--board', 'rpi3-minimal');
    expect(same.out).toContain('nothing to do');
    writeFileSync(join(mine, 'hello.c'), source(`int changed_${process.pid} = 1;`));
    const changed = await call('module', mine, '--board', 'rpi3-minimal', '--json');
    const ran = changed.out.split('\n').filter((line) => line.includes('"outcome":"ran"'));
    expect(ran.map((line) => JSON.parse(line).task).map((task: string) => task.replace(/^.*:/, ''))).toEqual([
      'build',
      'check',
    ]);
  });

  test('builds for a build tree of this machine in place, again each time', async () => {
    const tree = await bench.path('linux:build', 'dev');
    const mine = folderOf({ 'hello.c': source() });
    const { call } = projectOf();
    for (let time = 0; time < 2; time++) {
      const { code, out } = await call('module', mine, '--kernel', tree);
      expect(code).toBe(0);
      expect(out).toContain(`output/kernels/${release}/hello.ko\n  vermagic: ${release} SMP`);
    }
    writeFileSync(join(mine, 'hello.c'), source('', ''));
    const { code, err } = await call('module', mine, '--kernel', tree);
    expect(code).toBe(1);
    expect(err).toContain("module 'hello' has no MODULE_LICENSE");
  });

  test('makes an image whose one program loads the modules, those below first', async () => {
    const { folder, call } = projectOf();
    const { code, out } = await call('module', 'above', '--board', 'small', '--oci', 'loader.tar');
    expect(code).toBe(0);
    expect(out).toContain(`image:    above:${release}`);
    const image = readFileSync(join(folder, 'loader.tar'));
    const manifest = JSON.parse(textsIn(image).get('manifest.json') ?? '')[0];
    const layer = membersIn(image).get(manifest.Layers[0]) ?? Buffer.alloc(0);
    expect([...membersIn(layer).keys()]).toEqual(['load', 'modules/above.ko', 'modules/below.ko']);
    const config = JSON.parse(textsIn(image).get(manifest.Config) ?? '');
    expect(config.config.Entrypoint).toEqual(['/load', '/modules/below.ko', '/modules/above.ko', '--']);
    const load = membersIn(layer).get('load') ?? Buffer.alloc(0);
    expect(readElf(load)?.machine).toBe('arm64');
    // No interpreter: it runs where there is no C library.
    expect(load.includes('ld-linux')).toBe(false);
  });
});

function membersIn(tar: Buffer): Map<string, Buffer> {
  const members = [...tarMembers(bufferSource(tar))].filter(({ type }) => type === 'file');
  return new Map(
    members.map(({ path, offset, size }) => [path.replace(/^\.\//, ''), tar.subarray(offset, offset + size)]),
  );
}

function textsIn(tar: Buffer): Map<string, string> {
  return new Map([...membersIn(tar)].map(([path, bytes]) => [path, bytes.toString()]));
}
