import { expect, test } from 'vitest';
import { moduleRecipe, planSmall, taskOf } from '../../helpers/modules.ts';

const twin = { 'packages/twin/package.yaml': moduleRecipe('twin'), 'packages/twin/twin.c': '' };

test('a board without modules of its own keeps what the kernel made of its modules', () => {
  const { graph } = planSmall('');
  expect([...graph.tasks.keys()].filter((id) => id.startsWith('small:modules'))).toEqual([]);
});

test('what is named is checked as soon as the kernel is configured, before it is compiled', () => {
  const { graph } = planSmall('modules: [bmp280]\n');
  const { inputs } = taskOf(graph, 'small:modules-check');
  expect(Object.values(inputs).flatMap((input) => (input.from === 'task' ? [input.task] : []))).toEqual([
    'linux:check',
    'linux:configure',
    'linux:configure',
  ]);
  expect(inputs).toHaveProperty('fragments/000-base.config');
});

test('depmod sees the modules of the kernel and of all packages, and its layer comes last and replaces the kernel’s lists', () => {
  const { graph } = planSmall('packages: [twin]\nmodules: [twin]\n', twin);
  expect(taskOf(graph, 'small:modules').inputs).toMatchObject({
    kernel: { task: 'linux:build', artifact: 'modules' },
    'layers/twin': { task: 'twin:check', artifact: 'layer' },
    load: { task: 'small:modules-list' },
  });
  const { layers } = taskOf(graph, 'small:root').params as { layers: { name: string; replace: string[] }[] };
  const names = layers.map(({ name }) => name);
  expect(names.indexOf('modules')).toBeGreaterThan(names.indexOf('linux'));
  expect(layers.find(({ name }) => name === 'modules')?.replace).toContain('lib/modules/*/modules.*');
});

test('a module whose package the board lacks is known to be in a package', () => {
  const { graph } = planSmall('modules: [twin, nowhere, busybox]\n', twin);
  expect(taskOf(graph, 'small:modules-check').params).toMatchObject({ packages: ['twin'], packaged: [] });
});

test('a change of a parameter compiles nothing', () => {
  const plan = (value: number) =>
    planSmall(`packages: [twin]\nmodules: [{name: twin, parameters: {n: ${value}}}]\n`, twin).graph;
  for (const id of ['linux:build', 'twin:check'])
    expect(taskOf(plan(1), id).params).toEqual(taskOf(plan(2), id).params);
  expect(taskOf(plan(1), 'small:modules-list').params).not.toEqual(taskOf(plan(2), 'small:modules-list').params);
});
