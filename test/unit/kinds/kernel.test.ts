import { expect, test } from 'vitest';
import type { TaskId } from '../../../src/graph/task.ts';
import { packageKinds } from '../../../src/kinds/index.ts';
import { planBoard, planPackages } from '../../../src/plan.ts';
import { loadProject } from '../../../src/recipe/load.ts';
import { complaint, folderOf } from '../../helpers/recipes.ts';
import { checkout } from '../../helpers/tools.ts';

function projectWith(files: Readonly<Record<string, string>>) {
  return loadProject({
    folder: folderOf({ 'pibuild.yaml': '', ...files }),
    installation: checkout,
    kinds: packageKinds,
  });
}

function tasksOf(kernel: string, files: Readonly<Record<string, string>> = {}) {
  const board = `board: small\nkernel: ${kernel}\n`;
  const { graph } = planBoard(projectWith({ 'boards/small/board.yaml': board, ...files }), 'small');
  return (id: string) => {
    const task = graph.tasks.get(id as TaskId);
    if (task === undefined) throw new Error(`no task ${id}`);
    return task;
  };
}

test('the kernel is built of its source and the checked configuration alone, not of the fragments', () => {
  const task = tasksOf('{ package: linux, fragments: [base.config, arm64.config] }');
  expect(task('linux:build').inputs).toEqual({
    source: { from: 'task', task: 'linux:unpack', artifact: 'source' },
    config: { from: 'task', task: 'linux:check', artifact: 'config' },
  });
});

test('fragments keep their order, also where names sort otherwise or are the same', () => {
  const task = tasksOf('{ package: linux, fragments: [containers.config, base.config, ./base.config] }', {
    'boards/small/base.config': 'CONFIG_SMP=y\n',
  });
  const names = Object.keys(task('linux:configure').inputs).filter((name) => name.startsWith('fragments/'));
  expect(names.sort()).toEqual([
    'fragments/000-containers.config',
    'fragments/001-base.config',
    'fragments/002-base.config',
  ]);
  expect(task('linux:check').inputs['fragments/002-base.config']).toMatchObject({
    path: expect.stringMatching(/boards\/small\/base\.config$/),
    origin: expect.stringMatching(/board\.yaml:2$/),
  });
});

test("a board's device trees are chosen behind the build, so that another choice compiles nothing", () => {
  const one = tasksOf('{ package: linux, fragments: [base.config], dtbs: [broadcom/bcm2837-rpi-3-b] }');
  const two = tasksOf('{ package: linux, fragments: [base.config], dtbs: [broadcom/bcm2837-rpi-3-b-plus] }');
  expect(two('linux:build')).toEqual(one('linux:build'));
  expect(two('linux:boot')).not.toEqual(one('linux:boot'));
});

test('a source in a deb that is not in the lock is told at its place', () => {
  const recipe = [
    'package: other-kernel',
    'kind: kernel',
    'source: { deb: linux-source-7.1, member: usr/src/linux-source-7.1.tar.xz }',
  ].join('\n');
  const project = projectWith({ 'packages/other-kernel/package.yaml': recipe });
  const told = complaint(() => planPackages(project, ['other-kernel']));
  expect(told).toContain("package 'other-kernel' has debs, but was never locked");
  expect(told).toContain('hint: pibuild lock other-kernel');
});

test('a patch or a fragment that is not beside the recipe is told at the line that names it', () => {
  const recipe = (more: string) => ['package: program', 'kind: kconfig', 'source: { folder: src }', more].join('\n');
  const plan = (more: string) => () =>
    planPackages(projectWith({ 'packages/program/package.yaml': recipe(more), 'packages/program/src/Config.in': '' }), [
      'program',
    ]);
  expect(complaint(plan('fragments: [mine.config]'))).toMatch(
    /package\.yaml:4:13: error: there is no 'mine\.config' beside the recipe of package 'program'/,
  );
  expect(complaint(plan('fragments: [src/Config.in]\npatches: [fix.patch]'))).toMatch(
    /package\.yaml:5:11: error: there is no 'fix\.patch' beside the recipe/,
  );
});
