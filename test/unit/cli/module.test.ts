import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openHostKernel } from '../../../src/commands/host-kernel.ts';
import { isFolderWord, packageInFolder, withPackage } from '../../../src/commands/module-folder.ts';
import { moduleImage } from '../../../src/commands/module-image.ts';
import { parseHeaders } from '../../../src/commands/packaged-headers.ts';
import { type KernelModuleRecipe, modulesOf } from '../../../src/kinds/kernel-module.ts';
import { headersArchitecture } from '../../../src/kinds/packaged-kernel.ts';
import { workFolder } from '../../../src/paths.ts';
import type { Package } from '../../../src/recipe/model.ts';
import { koOf, moduleRecipe, projectWith } from '../../helpers/modules.ts';
import { complaint, folderOf } from '../../helpers/recipes.ts';

describe('a folder of one’s own', () => {
  const namesIn = (files: Record<string, string>) => {
    const pack = packageInFolder(folderOf(files), '/');
    return modulesOf(pack as Package<KernelModuleRecipe>);
  };

  test.each(['./mine', '../mine', '/srv/mine', '.', '..', '~/mine'])('%s is a folder', (word) => {
    expect(isFolderWord(word)).toBe(true);
  });

  test.each(['mine', 'lab/mine', 'i2c-stub'])('%s is a package', (word) => {
    expect(isFolderWord(word)).toBe(false);
  });

  test('makes what its Kbuild or its Makefile says', () => {
    expect(namesIn({ Kbuild: 'obj-m := one.o two.o\n', Makefile: 'all:\n', 'one.c': '' })).toEqual(['one', 'two']);
    expect(namesIn({ Makefile: 'obj-m += from-make.o\nfrom-make-y := a.o b.o\n', 'a.c': '' })).toEqual(['from-make']);
  });

  test('without either, makes a module of its one .c file, whatever make left beside it', () => {
    expect(namesIn({ 'hello.c': '', 'hello.mod.c': '', 'sub/part.c': '' })).toEqual(['hello']);
  });

  test('with a recipe is what the recipe says, and must be called so', () => {
    const folder = join(
      folderOf({ 'mine/package.yaml': moduleRecipe('mine', 'modules: [a, b]\n'), 'mine/a.c': '' }),
      'mine',
    );
    expect(modulesOf(packageInFolder(folder, '/') as Package<KernelModuleRecipe>)).toEqual(['a', 'b']);
    const other = join(folderOf({ 'other/package.yaml': moduleRecipe('mine') }), 'other');
    expect(complaint(() => packageInFolder(other, '/'))).toContain(
      "the package is called 'mine', but its folder 'other'",
    );
  });

  test('is found by the project like a package, and goes before one of the same name', () => {
    const pack = packageInFolder(join(folderOf({ 'busybox/busybox.c': '' }), 'busybox'), '/');
    expect(withPackage(projectWith({}), pack).package('busybox').kind).toBe('kernel-module');
  });

  test('that is not there, or holds no source, is told', () => {
    expect(complaint(() => packageInFolder('/nowhere/at/all', '/'))).toContain("there is no folder '/nowhere/at/all'");
    expect(complaint(() => packageInFolder(folderOf({ 'notes.txt': '' }), '/'))).toContain('obj-m := name.o');
  });
});

describe('packaged headers', () => {
  test('are Debian’s of now, or those of a suite', () => {
    expect(parseHeaders('linux-headers-arm64')).toMatchObject({ deb: 'linux-headers-arm64', distribution: 'debian' });
    expect(parseHeaders('ubuntu/noble/linux-headers-generic')).toEqual({
      deb: 'linux-headers-generic',
      distribution: 'ubuntu',
      suites: ['noble', 'noble-updates', 'noble-security'],
      folder: 'ubuntu+noble+linux-headers-generic',
    });
  });

  test.each(['', 'Linux', 'noble/linux-headers', 'ubuntu/../../etc', 'a b'])('%j names none', (text) => {
    expect(complaint(() => parseHeaders(text))).toContain('names no package of headers');
  });

  test('are for arm64, unless their name says otherwise', () => {
    expect(headersArchitecture('linux-headers-6.12.1-amd64')).toBe('amd64');
    expect(headersArchitecture('linux-headers-generic')).toBe('arm64');
    const { deb, folder } = parseHeaders('ubuntu/noble/linux-headers-generic:amd64');
    expect([deb, folder]).toEqual(['linux-headers-generic', 'ubuntu+noble+linux-headers-generic+amd64']);
    expect(headersArchitecture(folder)).toBe('amd64');
  });
});

describe('a kernel of this machine', () => {
  const built = {
    'include/config/kernel.release': '6.12.1-mine\n',
    'include/config/auto.conf': 'CONFIG_ARM64=y\n',
    Makefile: 'VERSION = 6\n',
    'scripts/basic/fixdep': '',
  };

  test('is bound where it is, below a folder of the sandbox', () => {
    const folder = folderOf(built);
    expect(openHostKernel(folder)).toEqual({
      folder,
      release: '6.12.1-mine',
      kernel: { arch: 'arm64', make: `-C ${workFolder}/host${folder}` },
      binds: [{ source: folder, target: `${workFolder}/host${folder}` }],
    });
  });

  test('that was built elsewhere than its source is both', () => {
    const root = folderOf({ 'source/Makefile': 'VERSION = 6\n' });
    const output = folderOf({ ...built, Makefile: `# Automatically generated\ninclude ${root}/source/Makefile\n` });
    const { kernel, binds } = openHostKernel(output);
    expect(kernel.make).toBe(`-C ${workFolder}/host${root}/source O=${workFolder}/host${output}`);
    expect(binds.map(({ source }) => source)).toEqual([output, `${root}/source`]);
  });

  test('whose scripts are links into another package is followed there', () => {
    const root = folderOf({ 'lib/kbuild/scripts/basic/fixdep': '' });
    const { 'scripts/basic/fixdep': _, ...others } = built;
    const folder = folderOf(others);
    symlinkSync(join('..', root.slice(root.lastIndexOf('/') + 1), 'lib/kbuild/scripts'), join(folder, 'scripts'));
    expect(openHostKernel(folder).binds.map(({ target }) => target)).toEqual([
      `${workFolder}/host${folder}`,
      `${workFolder}/host${root}/lib/kbuild/scripts`,
    ]);
  });

  test('is found through a link, like /lib/modules/<release>/build', () => {
    const folder = folderOf(built);
    const link = join(folderOf({}), 'build');
    symlinkSync(folder, link);
    expect(openHostKernel(link).folder).toBe(folder);
  });

  test.each([
    ['is not there', undefined, "there is no folder '"],
    ['was never configured', { Makefile: '' }, 'it has no include/config/kernel.release'],
    ['is for another processor', { ...built, 'include/config/auto.conf': 'CONFIG_RISCV=y\n' }, 'neither for arm64 nor'],
    [
      'lost its source',
      { ...built, Makefile: 'include /nowhere/linux/Makefile\n' },
      "'/nowhere/linux', which is not there",
    ],
  ])('that %s is told', (_what, files, told) => {
    const folder = files === undefined ? '/nowhere' : folderOf(files);
    expect(complaint(() => openHostKernel(folder))).toContain(told);
  });

  test('with an absolute link, which the sandbox cannot follow, is told', () => {
    const folder = folderOf(built);
    mkdirSync(join(folder, 'other'));
    symlinkSync('/usr/src/linux/tools', join(folder, 'tools'));
    expect(complaint(() => openHostKernel(folder))).toContain('is an absolute link');
  });
});

describe('an image that loads modules', () => {
  const built = (depends: string) => {
    const bytes = koOf({ vermagic: '6.12.1+x SMP', license: 'GPL', depends });
    const facts = { name: 'top', vermagic: '6.12.1+x SMP', license: 'GPL', depends: [], size: 1 };
    return {
      name: 'lab/top',
      license: 'GPL-2.0-only',
      modules: [{ ...facts, path: '/top.ko', bytes }],
      loader: Buffer.from('x'),
    };
  };

  test('is called like the package, tagged with the kernel', () => {
    expect(moduleImage(built(''), 1).reference).toBe('lab/top:6.12.1-x');
  });

  test('tells what the host must have loaded, where the kernel is none of ours', () => {
    expect(moduleImage(built('configfs,i2c-mux'), 1)).toMatchObject({ loads: ['top'], needs: ['configfs', 'i2c_mux'] });
  });
});
