import { expect, test } from 'vitest';
import { planModule, planPackages } from '../../../src/plan.ts';
import { moduleRecipe, planSmall, projectWith, taskOf } from '../../helpers/modules.ts';
import { complaint } from '../../helpers/recipes.ts';

const mine = { 'packages/mine/package.yaml': moduleRecipe('mine'), 'packages/mine/mine.c': '' };

test('a module is built of its own files and the kernel’s development tree, and of nothing else', () => {
  const { graph } = planSmall('packages: [mine]\n', mine);
  expect(taskOf(graph, 'mine:build').inputs).toEqual({
    'source/mine.c': {
      from: 'project',
      path: expect.stringMatching(/packages\/mine\/mine\.c$/),
      origin: expect.any(String),
    },
    kernel: { from: 'task', task: 'linux:build', artifact: 'dev' },
  });
});

test('what make leaves in the folder, and the recipe itself, are no source', () => {
  const { graph } = planSmall('packages: [mine]\n', {
    ...mine,
    'packages/mine/mine.o': '',
    'packages/mine/mine.ko': '',
    'packages/mine/mine.mod': '',
    'packages/mine/mine.mod.c': '',
    'packages/mine/sub/.x.o.cmd': '',
    'packages/mine/.git/HEAD': '',
    'packages/mine/Module.symvers': '',
    'packages/mine/modules.order': '',
    'packages/mine/sub/part.h': '',
  });
  const inputs = Object.keys(taskOf(graph, 'mine:build').inputs);
  expect(inputs.sort()).toEqual(['kernel', 'source/mine.c', 'source/sub/part.h']);
});

test('a folder of a package is its source without the folder’s name', () => {
  const { graph } = planSmall('packages: [mine]\n', {
    'packages/mine/package.yaml': moduleRecipe('mine', 'source: {folder: code}\n'),
    'packages/mine/code/mine.c': '',
    'packages/mine/notes.txt': '',
  });
  expect(Object.keys(taskOf(graph, 'mine:build').inputs).sort()).toEqual(['kernel', 'source/mine.c']);
});

test('files of the kernel are taken out of its source once, whatever its configuration is', () => {
  const recipe = moduleRecipe('mine', 'source: {kernel: [drivers/i2c/i2c-stub.c]}\nmodules: [i2c-stub]\n');
  const { graph } = planSmall('packages: [mine]\n', { 'packages/mine/package.yaml': recipe });
  expect(taskOf(graph, 'mine:source').inputs).toEqual({
    kernel: { from: 'task', task: 'linux:unpack', artifact: 'source' },
  });
  expect(taskOf(graph, 'mine:build').inputs.source).toEqual({ from: 'task', task: 'mine:source', artifact: 'source' });
});

test('what goes into the root, and what others use, has been checked', () => {
  const { provides } = planSmall('packages: [mine]\n', mine);
  expect(provides.get('mine')?.layer).toEqual({ from: 'task', task: 'mine:check', artifact: 'layer' });
  expect(provides.get('mine')?.modules?.files).toEqual({
    mine: { from: 'task', task: 'mine:check', artifact: 'ko/mine.ko' },
  });
});

test('a package below a folder makes a module of its last name', () => {
  const { provides } = planSmall('packages: [lab/mine]\n', {
    'packages/lab/mine/package.yaml': moduleRecipe('lab/mine'),
    'packages/lab/mine/mine.c': '',
  });
  expect(Object.keys(provides.get('lab/mine')?.modules?.files ?? {})).toEqual(['mine']);
});

test.each([
  ['patches: [fix.patch]', /package\.yaml:3:11: error: there is no 'fix\.patch' beside the recipe/],
  ['source: {folder: code}', /package\.yaml:3:18: error: there is no source in 'code' of package 'mine'/],
  ['source: {kernel: [/etc/passwd]}', /a path in the kernel's source, like drivers/],
  ['modules: [mine.ko]', /a module's name, without \.ko/],
])('%s is told at its line', (line, told) => {
  const files = { ...mine, 'packages/mine/package.yaml': moduleRecipe('mine', `${line}\n`) };
  expect(complaint(() => planSmall('packages: [mine]\n', files))).toMatch(told);
});

test('without a board there is no kernel to build it for', () => {
  expect(complaint(() => planPackages(projectWith(mine), ['mine']))).toContain('it is built for the kernel of a board');
});

test('two packages that make a module of one name are told, with both places', () => {
  const told = complaint(() =>
    planSmall('packages: [mine, other]\n', {
      ...mine,
      'packages/other/package.yaml': moduleRecipe('other', 'modules: [other, mi-ne, mine]\n'),
      'packages/other/other.c': '',
    }),
  );
  expect(told).toMatch(
    /packages\/other\/package\.yaml:3:25: error: the packages 'mine' and 'other' both make a module 'mine'/,
  );
  expect(told).toMatch(/packages\/mine\/package\.yaml:\d+:\d+: note: 'mine' makes it here/);
});

test('a single module is planned with its kernel alone, without an image', () => {
  const { graph, parts, kernelModules } = planModule(
    projectWith({ ...mine, 'boards/small/board.yaml': 'board: small\nkernel: {fragments: [base.config]}\n' }),
    'mine',
    'small',
  );
  expect([...graph.tasks.keys()].filter((id) => /^(small|busybox)/.test(id))).toEqual([]);
  expect(parts?.facts.task).toBe('mine:check');
  expect(kernelModules?.task).toBe('linux:build');
});

test('what is no kernel module is not built as one', () => {
  const project = projectWith({ 'boards/small/board.yaml': 'board: small\n' });
  expect(complaint(() => planModule(project, 'busybox', 'small'))).toContain("package 'busybox' is of kind kconfig");
});
