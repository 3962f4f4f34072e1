import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure, formatDiagnostic } from '../../../src/diagnostic.ts';
import { packageKinds } from '../../../src/kinds/index.ts';
import { lockRequest } from '../../../src/kinds/locked.ts';
import { planPackages } from '../../../src/plan.ts';
import { loadProject } from '../../../src/recipe/load.ts';
import { checkout } from '../../helpers/tools.ts';

/** A project whose tools/bootstrap is changed so; what planning it says. */
function plan(change: (recipe: string, lock: string | undefined) => { recipe: string; lock?: string | undefined }) {
  const project = copyOf('tools/bootstrap', change);
  try {
    return planPackages(project, ['tools/bootstrap']);
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics.map(formatDiagnostic).join('\n');
    throw error;
  }
}

function copyOf(name: string, change: Parameters<typeof plan>[0]) {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  const [from, to] = [join(checkout, 'packages', name), join(folder, 'packages', name)];
  mkdirSync(to, { recursive: true });
  cpSync(from, to, { recursive: true });
  const read = (file: string): string => readFileSync(join(from, file), 'utf8');
  const { recipe, lock } = change(read('package.yaml'), read('debs.lock.json'));
  writeFileSync(join(to, 'package.yaml'), recipe);
  writeFileSync(join(to, 'debs.lock.json'), lock ?? '');
  writeFileSync(join(folder, 'pibuild.yaml'), 'project: copy\n');
  return loadProject({ folder, installation: checkout, kinds: packageKinds });
}

test('a tools tree is downloaded and unpacked by tasks of its own, in the order of the lock', () => {
  const planned = plan((recipe, lock) => ({ recipe, lock }));
  if (typeof planned === 'string') throw new Error(planned);
  const { graph, provides } = planned;
  expect([...graph.tasks.keys()]).toEqual(['tools/bootstrap:fetch', 'tools/bootstrap:unpack']);
  expect(provides.get('tools/bootstrap')?.tools).toMatchObject({ task: 'tools/bootstrap:unpack', artifact: 'tree' });
  const params = graph.tasks.get('tools/bootstrap:unpack' as never)?.params as { debs: string[] };
  expect(params.debs).toEqual(params.debs.toSorted());
  expect(params.debs[0]).toMatch(/^base-files_.*_amd64\.deb$/);
});

test('a recipe that asks for more or less than its lock says so, and how to lock', () => {
  const told = plan((recipe, lock) => ({ recipe: recipe.replace('- bash\n', '- zsh\n'), lock }));
  expect(told).toMatch(
    /package\.yaml:\d+:\d+: error: the lock of package 'tools\/bootstrap' is not of what its recipe asks/,
  );
  expect(told).toContain("'zsh' is new, 'bash' is no longer asked for");
  expect(told).toContain('hint: pibuild lock tools/bootstrap');
});

test('a lock of other suites is stale', () => {
  const told = plan((recipe, lock) => ({ recipe: `${recipe}suites: [forky]\n`, lock }));
  expect(told).toContain('the suites were trixie trixie-updates trixie-security');
});

test('the order of a list is no reason to lock again', () => {
  const swap = (recipe: string): string =>
    recipe.replace('- bash\n', '- x\n').replace('- dash\n', '- bash\n').replace('- x\n', '- dash\n');
  expect(typeof plan((recipe, lock) => ({ recipe: swap(recipe), lock }))).toBe('object');
});

test('every tools package of pibuild is locked to what its recipe asks for', () => {
  const project = loadProject({ folder: checkout, installation: checkout, kinds: packageKinds });
  const names = project.names('packages').filter((name) => project.package(name).kind === 'tools');
  expect(names.length).toBeGreaterThanOrEqual(5);
  const { provides } = planPackages(project, names);
  for (const name of names) expect(provides.get(name)?.tools).toBeDefined();
});

test('what a lock is asked for comes from the recipe; packages without debs ask for none', () => {
  const project = loadProject({ folder: checkout, installation: checkout, kinds: packageKinds });
  expect(lockRequest(project.package('tools/image'))).toMatchObject({
    distribution: 'debian',
    suites: ['trixie', 'trixie-updates', 'trixie-security'],
    components: ['main'],
    architecture: 'amd64',
    deps: true,
  });
  expect(lockRequest(project.package('linux'))).toMatchObject({ debs: ['linux-source-6.12'], deps: false });
  expect(lockRequest({ ...project.package('linux'), recipe: {} })).toBeUndefined();
});
