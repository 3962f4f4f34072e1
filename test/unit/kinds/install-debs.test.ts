import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/diagnostic.ts';
import type { Task, TaskId } from '../../../src/graph/task.ts';
import { type InstallParams, installDebsKind } from '../../../src/kinds/install-debs.ts';
import { linesOf, tarOf } from '../../helpers/layers.ts';

/** What debs with these contents leave, by artifact; `layer` as lines. Or what the user is told. */
async function install(debs: Readonly<Record<string, readonly string[]>>, wants: Partial<InstallParams>) {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  mkdirSync(join(folder, 'tars'));
  for (const [name, lines] of Object.entries(debs))
    writeFileSync(join(folder, 'tars', `${name}.tar`), await tarOf(lines));
  const params: InstallParams = {
    package: 'x',
    tars: Object.keys(debs).map((name) => `${name}.tar`),
    architecture: 'arm64',
    include: [],
    exclude: [],
    boot: [],
    sysroot: [],
    links: {},
    ...wants,
  };
  const outputs: Task['outputs'] = {
    ...((params.include.length > 0 || Object.keys(params.links).length > 0) && { layer: 'file' as const }),
    ...(params.boot.length > 0 && { boot: 'tree' as const }),
    ...(params.sysroot.length > 0 && { sysroot: 'tree' as const }),
  };
  const log: string[] = [];
  const workspace = {
    task: { id: 'x:install' as TaskId, kind: 'install-debs', title: '', params, inputs: {}, outputs },
    input: (name: string) => join(folder, name),
    output: (name: string) => join(folder, 'out', name),
    scratch: folder,
    epoch: 1,
    signal: new AbortController().signal,
    log: (line: string) => void log.push(line),
    progress: () => {},
  };
  mkdirSync(join(folder, 'out'));
  try {
    await installDebsKind.run?.(workspace, params);
  } catch (error) {
    if (error instanceof Failure) return { told: error.diagnostics.map(({ message }) => message) };
    throw error;
  }
  const out = (name: string): string => join(folder, 'out', name);
  return { log, out, layer: outputs.layer ? await linesOf(readFileSync(out('layer'))) : [] };
}

const libc = [
  'usr/',
  'usr/lib/',
  'usr/lib/aarch64-linux-gnu/',
  'usr/lib/aarch64-linux-gnu/libc.so.6 0755 0:0 = c',
  'usr/lib/aarch64-linux-gnu/gconv/',
  'usr/lib/aarch64-linux-gnu/gconv/A.so 0644 0:0 = a',
  'usr/lib/ld.so -> aarch64-linux-gnu/libc.so.6',
  'usr/share/',
  'usr/share/doc/',
  'usr/share/doc/libc6/',
  'usr/share/doc/libc6/copyright 0644 0:0 = law',
];

test('all of a deb but its documentation goes into the layer', async () => {
  const { layer } = await install({ libc }, { include: ['**'] });
  expect(layer).toEqual([
    'usr/ 0755 0:0',
    'usr/lib/ 0755 0:0',
    'usr/lib/aarch64-linux-gnu/ 0755 0:0',
    'usr/lib/aarch64-linux-gnu/gconv/ 0755 0:0',
    'usr/lib/aarch64-linux-gnu/gconv/A.so 0644 0:0 = a',
    'usr/lib/aarch64-linux-gnu/libc.so.6 0755 0:0 = c',
    'usr/lib/ld.so -> aarch64-linux-gnu/libc.so.6',
    'usr/share/ 0755 0:0',
  ]);
});

test('include and exclude choose, and folders come along for what is in them', async () => {
  const { layer } = await install({ libc }, { include: ['usr/lib/aarch64-linux-gnu'], exclude: ['**/gconv'] });
  expect(layer).toEqual([
    'usr/ 0755 0:0',
    'usr/lib/ 0755 0:0',
    'usr/lib/aarch64-linux-gnu/ 0755 0:0',
    'usr/lib/aarch64-linux-gnu/libc.so.6 0755 0:0 = c',
  ]);
});

test('modes and owners are kept, of folders too', async () => {
  const deb = ['var/', 'var/mail/ 2775 0:8', 'var/mail/box 0660 1:8 = x', 'bin/', 'bin/su 4755 0:0 = su'];
  const { layer } = await install({ deb }, { include: ['**'] });
  expect(layer).toContain('var/mail/ 2775 0:8');
  expect(layer).toContain('var/mail/box 0660 1:8 = x');
  expect(layer).toContain('bin/su 4755 0:0 = su');
});

test('links are added', async () => {
  const { layer } = await install({ libc }, { include: [], links: { 'lib/ld.so': '../usr/lib/ld.so' } });
  expect(layer).toEqual(['lib/ld.so -> ../usr/lib/ld.so']);
});

test('a link whose target is left out is noted in the log', async () => {
  const { log } = await install({ libc }, { include: ['usr/lib/ld.so'] });
  expect(log).toEqual(["'usr/lib/ld.so' leads to 'usr/lib/aarch64-linux-gnu/libc.so.6', which is left out"]);
});

test('every glob that matches nothing is told', async () => {
  const { told } = await install(
    { libc },
    { include: ['usr/lib', 'usr/libexec'], exclude: ['etc/**'], boot: ['*.elf'] },
  );
  expect(told).toEqual([
    "`include: usr/libexec` of package 'x' matches nothing in its debs",
    "`exclude: etc/**` of package 'x' matches nothing in its debs",
    "`boot: *.elf` of package 'x' matches nothing in its debs",
  ]);
});

test('debs that bring one path with different bytes do not go together', async () => {
  const one = ['etc/', 'etc/conf 0644 0:0 = one'];
  const two = ['etc/', 'etc/conf 0644 0:0 = two'];
  const { told } = await install({ one, two }, { include: ['**'] });
  expect(told?.join()).toMatch(/etc\/conf.*one.*two|one.*two.*etc\/conf/s);
});

test('files of the boot partition lose the folders that their glob begins with', async () => {
  const firmware = [
    'usr/lib/fw/',
    'usr/lib/fw/start.elf 0644 0:0 = elf',
    'usr/lib/fw/alias.elf -> start.elf',
    'usr/lib/fw/overlays/',
    'usr/lib/fw/overlays/spi.dtbo 0644 0:0 = dtbo',
  ];
  const { out } = await install({ firmware }, { boot: ['usr/lib/fw/*.elf', 'usr/lib/fw/overlays/*'] });
  expect(readdirSync(out?.('boot') ?? '').sort()).toEqual(['alias.elf', 'spi.dtbo', 'start.elf']);
  expect(readFileSync(join(out?.('boot') ?? '', 'alias.elf'), 'utf8')).toBe('elf');
  const whole = await install({ firmware }, { boot: ['usr/lib/fw/**'] });
  expect(readFileSync(join(whole.out?.('boot') ?? '', 'overlays/spi.dtbo'), 'utf8')).toBe('dtbo');
});

test('a sysroot has headers in include/ and libraries in lib/, with links and pkg-config true to that', async () => {
  const dev = [
    'usr/include/',
    'usr/include/z.h 0644 0:0 = z',
    'usr/include/aarch64-linux-gnu/',
    'usr/include/aarch64-linux-gnu/zconf.h 0644 0:0 = conf',
    'usr/lib/aarch64-linux-gnu/',
    'usr/lib/aarch64-linux-gnu/libz.a 0644 0:0 = archive',
    'usr/lib/aarch64-linux-gnu/libz.so -> /lib/aarch64-linux-gnu/libz.so.1',
    'usr/lib/aarch64-linux-gnu/libz.so.1 0644 0:0 = library',
    'usr/lib/aarch64-linux-gnu/notes.txt 0644 0:0 = no',
    'usr/lib/aarch64-linux-gnu/pkgconfig/',
    `usr/lib/aarch64-linux-gnu/pkgconfig/z.pc 0644 0:0 = prefix=/usr\nlibdir=\${prefix}/lib/aarch64-linux-gnu\n`,
  ];
  const { out } = await install({ dev }, { sysroot: ['usr/include', 'usr/lib/aarch64-linux-gnu'] });
  const at = (path: string): string => join(out?.('sysroot') ?? '', path);
  expect(readdirSync(at('include')).sort()).toEqual(['z.h', 'zconf.h']);
  expect(readdirSync(at('lib')).sort()).toEqual(['libz.a', 'libz.so', 'libz.so.1', 'pkgconfig']);
  expect(readlinkSync(at('lib/libz.so'))).toBe('libz.so.1');
  expect(readFileSync(at('lib/pkgconfig/z.pc'), 'utf8')).toBe(`prefix=\${pcfiledir}/../..\nlibdir=\${prefix}/lib\n`);
});
