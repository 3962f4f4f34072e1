import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellText } from '../../../src/kinds/make-keys.ts';
import { buildOf, planCompiledPackage } from '../../helpers/compiled.ts';
import { complaint } from '../../helpers/recipes.ts';

const source = '  url: https://example.org/x.tar.gz\n  sha256: '.concat('a'.repeat(64), '\n  size: 1\n');

test('a source is downloaded, unpacked and built, and leaves a layer', () => {
  const plan = planCompiledPackage(`package: x\nkind: make\nsource:\n${source}`);
  expect(plan.tasks.map(({ id }) => id)).toEqual(['x:fetch', 'x:unpack', 'x:build']);
  expect(plan.provides).toEqual({ layer: { from: 'task', task: 'x:build', artifact: 'layer' } });
});

test('a package with sysroot gives others its headers and libraries', () => {
  const plan = planCompiledPackage(`package: x\nkind: autotools\nsysroot: true\nsource:\n${source}`);
  expect(plan.provides.sysroot).toEqual({ from: 'task', task: 'x:build', artifact: 'sysroot' });
  expect(buildOf(plan).outputs).toEqual({ layer: 'file', sysroot: 'tree' });
});

test('what the recipe depends on is an input, when it has something to compile against', () => {
  const plan = planCompiledPackage(`package: x\nkind: make\ndepends: [libone, libtwo]\nsource:\n${source}`);
  expect(buildOf(plan).inputs).toMatchObject({ 'sysroots/0': { task: 'libone:install' } });
  expect(buildOf(plan).inputs).not.toHaveProperty('sysroots/1');
});

test('files that are not beside the recipe are a mistake at the line that names them', () => {
  const told = complaint(() => planCompiledPackage(`package: x\nkind: make\nfiles: fils\nsource:\n${source}`));
  expect(told).toContain("there is no 'fils' beside the recipe of package 'x'");
  expect(told).toMatch(/package\.yaml:3:\d+/);
});

test('configure is no key of a plain makefile', () => {
  const told = complaint(() => planCompiledPackage(`package: x\nkind: make\nconfigure: [--x]\nsource:\n${source}`));
  expect(told).toContain("unknown key 'configure'");
});

test.each([
  ['plain', 'plain'],
  ['two words', 'two words'],
  ['$STAGE/usr', '/stage/usr'],
  ['a$SYSROOT/b $STAGE', 'a/sysroot/b /stage'],
  ['$STAGED $HOME `id` "q" it\'s \\', '$STAGED $HOME `id` "q" it\'s \\'],
  ['', ''],
])('the shell reads %j as one word', (text, word) => {
  const said = execFileSync('sh', ['-c', `STAGE=/stage SYSROOT=/sysroot; printf '<%s>' ${shellText(text)}`]);
  expect(said.toString()).toBe(`<${word}>`);
});
