import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/diagnostic.ts';
import type { Task } from '../../../src/graph/task.ts';
import { packageKinds } from '../../../src/kinds/index.ts';
import { planPackages } from '../../../src/plan.ts';
import { loadProject } from '../../../src/recipe/load.ts';
import type { DebsLock } from '../../../src/recipe/model.ts';
import { checkout } from '../../helpers/tools.ts';

interface Change {
  readonly recipe?: string;
  readonly debs?: string;
  readonly lock?: (lock: DebsLock) => DebsLock;
}

/** The tasks of packages/debian with more lines in its recipe, by the step. */
function tasksOf({ recipe = '', debs = '', lock = (same) => same }: Change): (step: string) => Task {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  const place = join(folder, 'packages/debian');
  cpSync(join(checkout, 'packages/debian'), place, { recursive: true });
  writeFileSync(join(folder, 'pibuild.yaml'), '');
  const read = (name: string): string => readFileSync(join(place, name), 'utf8');
  writeFileSync(join(place, 'package.yaml'), read('package.yaml').replace('debs:\n', `debs:\n${debs}`) + recipe);
  writeFileSync(join(place, 'debs.lock.json'), JSON.stringify(lock(JSON.parse(read('debs.lock.json')))));
  const project = loadProject({ folder, installation: checkout, kinds: packageKinds });
  const { graph } = planPackages(project, ['debian']);
  return (step) => {
    const task = graph.tasks.get(`debian:${step}` as Task['id']);
    if (!task) throw new Error(`there is no ${step}`);
    return task;
  };
}

function textOf(task: Task, input: string): string {
  const found = task.inputs[input];
  return found?.from === 'text' ? found.text : '';
}

const foo = {
  name: 'foo',
  version: '1.0',
  architecture: 'arm64',
  archive: 'debian',
  path: 'pool/main/f/foo/foo_1.0_arm64.deb',
  size: 1,
  sha256: 'a'.repeat(64),
} as const;

test('a deb more, users, files and steps leave the base as it is', () => {
  const before = tasksOf({});
  const after = tasksOf({
    debs: '  - foo\n',
    recipe: 'users: {app: {groups: [i2c]}}\nrun: ["echo it\'s"]\n',
    lock: (lock) => ({ ...lock, requested: [...lock.requested, 'foo'], debs: [...lock.debs, foo] }),
  });
  expect(after('base')).toEqual(before('base'));
  expect(after('fetch-base')).toEqual(before('fetch-base'));
  expect(textOf(after('root'), 'index')).toContain(`foo_1.0_arm64.deb 1 ${'a'.repeat(64)}\n`);
  expect(textOf(after('root'), 'lock')).toContain('foo 1.0\n');
});

test('what was asked for by name is not what came along', () => {
  const make = textOf(tasksOf({})('root'), 'make');
  const automatic = /for name in (.*); do/.exec(make)?.[1]?.split(' ');
  expect(automatic).toContain('libgpiod3');
  expect(automatic).not.toContain('gpiod');
});

test('a step is quoted for the shell that writes it down and for the one that runs it', () => {
  const make = textOf(tasksOf({ recipe: 'run: ["echo it\'s"]\n' })('root'), 'make');
  expect(make).toContain(`inside /bin/sh -ec 'echo it'\\''s' < /dev/null`);
});

test('documentation and translations are left out as dpkg is told it, and copyrights stay', () => {
  expect(textOf(tasksOf({})('base'), 'paths')).toContain(
    'path-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n',
  );
  expect(textOf(tasksOf({ recipe: 'exclude: [/usr/share/zoneinfo/right/*]\n' })('base'), 'paths')).toBe(
    'path-exclude=/usr/share/zoneinfo/right/*\n',
  );
});

test('a lock of another variant is stale', () => {
  const told = (): unknown => tasksOf({ recipe: 'variant: standard\n' });
  expect(told).toThrow(Failure);
  expect(told).toThrow(/the variant was minbase/);
});

test('as the root of containers alone it is not in the root of the board', () => {
  expect(() => tasksOf({ recipe: 'install: container\n' })('pack')).toThrow('there is no pack');
});
