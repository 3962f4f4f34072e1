import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadProject } from '../../../src/recipe/load.ts';
import { complaint, fixtures, folderOf, kinds, projectOf } from '../../helpers/recipes.ts';

const load = (folder: string, installation = fixtures) => loadProject({ folder, installation, kinds });

describe('a project', () => {
  test('is found from a folder below it', () => {
    const root = folderOf({ 'pibuild.yaml': 'project: sensors\nepoch: 1700000000\n', 'docs/deep/note.txt': '' });
    expect(load(join(root, 'docs/deep'))).toMatchObject({ root, name: 'sensors', epoch: 1_700_000_000 });
  });

  test('is any folder with boards', () => {
    const root = folderOf({ 'boards/mine/board.yaml': 'board: mine\n' });
    const project = load(join(root, 'boards/mine'));
    expect(project).toMatchObject({ root, roots: [root, fixtures], epoch: 1_767_225_600 });
    expect(project.board('mine').folders).toEqual([join(root, 'boards/mine')]);
  });

  test('is the folder itself where there is none, with the built-in recipes', () => {
    const root = mkdtempSync(join(tmpdir(), 'pibuild-none-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    expect(load(root).root).toBe(root);
    expect(load(root).board('base').name).toBe('base');
  });

  test('is the installation, once, when one works inside it', () => {
    expect(load(join(fixtures, 'boards/base')).roots).toEqual([fixtures]);
  });

  test('names all its recipes, those in folders too, the hidden ones once', () => {
    const project = projectOf({
      'packages/busybox/package.yaml': '',
      'packages/sensors/driver/package.yaml': '',
      'packages/sensors/driver/src/package.yaml': '',
      'boards/mine/board.yaml': '',
      'overlays/mine/etc/motd': '',
    });
    expect(project.names('packages')).toEqual(['busybox', 'linux', 'sensors/driver', 'tools/ssh']);
    expect(project.names('boards')).toEqual(['base', 'lean', 'mine']);
    expect(project.names('overlays')).toEqual(['base', 'mine']);
  });

  test("finds the user's recipe before the built-in one of its name", () => {
    const project = projectOf({ 'packages/busybox/package.yaml': 'package: busybox\nkind: kernel\nversion: 9\n' });
    expect(project.package('busybox')).toMatchObject({ kind: 'kernel', version: '9' });
    expect(project.board('base').packages.map(({ value }) => value)).toEqual(['busybox', 'tools/ssh']);
  });

  test('reads a recipe once, and only when it is asked for', () => {
    const project = projectOf({ 'packages/broken/package.yaml': 'package: [' });
    expect(project.package('busybox')).toBe(project.package('busybox'));
    expect(project.board('base')).toBe(project.board('base'));
    expect(complaint(() => project.package('broken'))).toContain('this is not YAML');
  });

  test.each(['../busybox', '/etc', 'Busybox', '', 'a//b', '.hidden'])('has no package of the name %j', (name) => {
    expect(complaint(() => projectOf({}).package(name))).toContain(`there is no package '${name}'`);
  });
});

describe('a package', () => {
  test('has its strings rendered, its defaults and its lock', () => {
    const project = projectOf({});
    const busybox = project.package('busybox');
    expect(busybox.recipe).toMatchObject({
      source: { path: 'pool/main/b/busybox/busybox_1.37.0.orig.tar.bz2', size: 2550562 },
      make: [],
    });
    expect(busybox.checks).toMatchObject([{ name: 'the shell works', timeout: 30_000, retry: 500, owner: 'busybox' }]);
    expect(busybox.files).toEqual(['package.yaml']);
    expect(project.package('tools/ssh').lock?.debs[0]?.name).toBe('dropbear-bin');
  });

  test('knows the place of each value', () => {
    const at = projectOf({}).package('busybox').at('source', 'sha256');
    expect(at).toMatchObject({ line: 9, column: 11, length: 64 });
    expect(at.file).toMatch(/packages\/busybox\/package\.yaml$/);
  });

  test('is asked for at a place', () => {
    const at = { file: 'board.yaml', line: 3, column: 5 };
    expect(complaint(() => projectOf({}).package('linus', at))).toMatch(/^board.yaml:3:5: error: there is no package/);
  });
});

describe('an overlay', () => {
  test('is read with executable bits and links, its templates rendered', () => {
    const { overlays } = projectOf({}).board('base');
    expect(overlays.map(({ name }) => name)).toEqual(['base']);
    expect(overlays[0]?.entries).toEqual([
      { path: 'etc', type: 'folder' },
      {
        path: 'etc/hosts',
        type: 'template',
        executable: false,
        text: '127.0.0.1 localhost base\n# root 0 (root) of base\n',
        file: join(fixtures, 'overlays/base/etc/hosts.hbs'),
      },
      { path: 'etc/motd', type: 'file', executable: false },
      { path: 'mnt', type: 'folder' },
      { path: 'usr', type: 'folder' },
      { path: 'usr/bin', type: 'folder' },
      { path: 'usr/bin/hello', type: 'file', executable: true },
      { path: 'usr/bin/sh', type: 'link', target: 'busybox' },
    ]);
  });

  test('keeps the executable bit of a template', () => {
    const project = projectOf({
      'boards/mine/board.yaml': 'board: mine\nextends: base\noverlays: [mine]\n',
      'overlays/mine/run.sh': '',
    });
    expect(project.board('mine').overlays[1]?.entries).toEqual([{ path: 'run.sh', type: 'file', executable: true }]);
  });

  test('may not bring one path as a file and as a template', () => {
    const project = projectOf({
      'boards/mine/board.yaml': 'board: mine\nextends: base\noverlays: [mine]\n',
      'overlays/mine/motd': 'a',
      'overlays/mine/motd.hbs': 'b',
    });
    expect(complaint(() => project.board('mine'))).toContain("overlay 'mine' has both 'motd' and 'motd.hbs'");
  });

  test('does not follow its links out of itself', () => {
    const project = projectOf({ 'boards/mine/board.yaml': 'board: mine\nextends: base\noverlays: [mine]\n' });
    mkdirSync(join(project.root, 'overlays/mine'), { recursive: true });
    symlinkSync('/etc', join(project.root, 'overlays/mine/config'));
    expect(project.board('mine').overlays[1]?.entries).toEqual([{ path: 'config', type: 'link', target: '/etc' }]);
  });
});
