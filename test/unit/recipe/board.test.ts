import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Board } from '../../../src/recipe/model.ts';
import { complaint, fixtures, projectOf } from '../../helpers/recipes.ts';

/** The board `mine` of this recipe, which goes on after its name. */
function mine(recipe: string, files: Record<string, string> = {}): Board {
  return projectOf({ 'boards/mine/board.yaml': `board: mine\n${recipe}`, ...files }).board('mine');
}

const values = (entries: readonly { value: string }[]) => entries.map(({ value }) => value);

describe('a board without more than its name', () => {
  test('has every default', () => {
    expect(mine('')).toMatchObject({
      name: 'mine',
      version: '0',
      arch: 'arm64',
      hostname: 'mine',
      timezone: 'UTC',
      kernel: { package: { value: 'linux' }, fragments: [], dtbs: [], cmdline: [] },
      packages: [],
      root: { readonly: false },
      image: {
        partitions: {
          boot: { format: 'vfat', size: 128 * 1024 ** 2, label: 'BOOT' },
          root: { format: 'ext4', size: 512 * 1024 ** 2, label: 'root' },
        },
      },
    });
    expect(mine('').emulator).toBeUndefined();
  });

  test('has root, who cannot log in, and the groups of every system', () => {
    const { users, groups } = mine('');
    expect([...users]).toEqual([
      ['root', { uid: 0, gid: 0, groups: [], home: '/root', shell: '/bin/sh', sshKeys: [] }],
    ]);
    expect(groups.get('dialout')).toBe(20);
  });
});

describe('a data partition', () => {
  const recipe = 'image: { partitions: { data: { grow: true } } }';
  const grower = { 'packages/grow-partition/package.yaml': 'package: grow-partition\nkind: kernel\n' };

  test('has defaults, and when it grows the package that does it', () => {
    const board = mine(recipe, grower);
    expect(board.image.partitions.data).toEqual({ format: 'ext4', size: 64 * 1024 ** 2, label: 'data', grow: true });
    expect(values(board.packages)).toEqual(['grow-partition']);
    expect(board.packages[0]?.at).toMatchObject({ line: 2 });
    expect(values(mine('image: { partitions: { data: {} } }').packages)).toEqual([]);
  });

  test('is known to templates, as is that there is none', () => {
    expect(mine(recipe, grower).variables.partitions).toMatchObject({ data: { number: 3, grow: true } });
    expect(mine('').variables.partitions).toMatchObject({ boot: { number: 1 }, data: { number: '', grow: false } });
  });
});

describe('a board that extends another', () => {
  test('appends to lists, merges maps and overrides the rest', () => {
    const board = mine(
      [
        'extends: base',
        'summary: Mine',
        'kernel: { cmdline: [panic=5], fragments: [network.config, ./mine.config] }',
        'packages: [busybox, extra]',
        "config: ['# more']",
        'variables: { colour: red }',
        'emulator: { memory: 512M }',
        'checks: [{ name: mine, run: "true" }]',
      ].join('\n'),
      { 'boards/mine/mine.config': '', 'packages/extra/package.yaml': 'package: extra\nkind: kernel\n' },
    );
    expect(board.summary).toBe('Mine');
    expect(board.version).toBe('1.10');
    expect(board.kernel.cmdline).toEqual(['console=ttyAMA0', 'quiet', 'panic=5']);
    expect(values(board.packages)).toEqual(['busybox', 'tools/ssh', 'extra']);
    expect(board.config).toEqual(['# mine 1.10', '# more']);
    expect(board.variables).toMatchObject({ motd: 'Welcome to mine', colour: 'red', hostname: 'mine' });
    expect(board.emulator).toEqual({ machine: 'raspi3b', memory: 512 * 1024 ** 2 });
    expect(board.checks.map(({ name, owner }) => `${owner}: ${name}`)).toEqual([
      'mine: the kernel starts',
      'mine: mine',
      'busybox: the shell works',
    ]);
  });

  test('finds fragments in the kernel package, beside itself and beside what it extends', () => {
    const board = mine('extends: base\nkernel: { fragments: [network.config, ./mine.config, ./serial.config] }\n', {
      'boards/mine/mine.config': '',
    });
    const linux = join(fixtures, 'packages/linux');
    const base = join(fixtures, 'boards/base');
    expect(values(board.kernel.fragments)).toEqual([
      join(linux, 'base.config'),
      join(base, 'serial.config'),
      join(linux, 'network.config'),
      join(board.folders[0] ?? '', 'mine.config'),
      join(base, 'serial.config'),
    ]);
    expect(board.folders).toEqual([expect.stringMatching(/boards\/mine$/), base]);
  });

  test('takes a fragment beside it only where it names one itself', () => {
    const board = mine('extends: base\nkernel: { fragments: [./serial.config] }\n', {
      'boards/mine/serial.config': 'CONFIG_MINE=y\n',
    });
    expect(values(board.kernel.fragments).slice(1)).toEqual([
      join(fixtures, 'boards/base/serial.config'),
      join(board.folders[0] ?? '', 'serial.config'),
    ]);
  });

  test('removes what `without` names, and may add it again in its own way', () => {
    const board = mine(
      [
        'extends: base',
        'without:',
        '  packages: [tools/ssh]',
        '  kernel: { cmdline: [quiet], fragments: [./serial.config] }',
        '  checks: [the kernel starts]',
        '  users: [root]',
        '  groups: [i2c]',
        '  variables: [motd]',
        '  emulator: [memory]',
        'groups: { i2c: 300 }',
        'kernel: { cmdline: [quiet] }',
      ].join('\n'),
    );
    expect(values(board.packages)).toEqual(['busybox']);
    expect(board.kernel.cmdline).toEqual(['console=ttyAMA0', 'quiet']);
    expect(values(board.kernel.fragments)).toEqual([join(fixtures, 'packages/linux/base.config')]);
    expect(board.checks.map(({ name }) => name)).toEqual(['the shell works']);
    expect(board.users.get('root')?.passwordless).toBeUndefined();
    expect(board.groups.get('i2c')).toBe(300);
    expect(board.variables).not.toHaveProperty('motd');
    expect(board.emulator).toEqual({ machine: 'raspi3b' });
  });

  test('knows which file each value came from', () => {
    const board = mine('extends: base\nkernel:\n  cmdline: [panic=5]\n');
    expect(board.at('kernel', 'cmdline', 1).file).toMatch(/boards\/base\/board.yaml$/);
    expect(board.at('kernel', 'cmdline', 2)).toMatchObject({ file: 'boards/mine/board.yaml', line: 4, column: 13 });
    expect(board.packages[1]?.at).toMatchObject({ line: 8, column: 21 });
    expect(board.checks[0]?.at.file).toMatch(/boards\/base\/board.yaml$/);
    expect(board.at('emulator', 'machine').file).toMatch(/boards\/base\/board.yaml$/);
  });

  test('goes down a chain, removing from all that is below', () => {
    const project = projectOf({
      'boards/top/board.yaml': 'board: top\nextends: middle\nwithout: { kernel: { cmdline: [quiet, middle] } }\n',
      'boards/middle/board.yaml': 'board: middle\nextends: base\nkernel: { cmdline: [middle, kept] }\n',
    });
    expect(project.board('top').kernel.cmdline).toEqual(['console=ttyAMA0', 'kept']);
    expect(project.board('middle').kernel.cmdline).toEqual(['console=ttyAMA0', 'quiet', 'middle', 'kept']);
    expect(project.board('top').folders).toHaveLength(3);
  });

  test("may have the name of pibuild's own, and adapt that", () => {
    const project = projectOf({ 'boards/base/board.yaml': 'board: base\nextends: base\nhostname: adapted\n' });
    expect(project.board('base')).toMatchObject({ hostname: 'adapted', version: '1.10' });
  });
});

describe('the templates of a board', () => {
  test('name each other from the facts upwards', () => {
    const board = mine(
      [
        'version: "{{kernel.version}}-2"',
        'hostname: "{{board}}-{{timezone}}"',
        'variables: { tag: "{{version}}" }',
        'config: ["# {{tag}} {{hostname}} {{kernel.package}} {{arch}}"]',
        'kernel: { cmdline: ["name={{hostname}}"] }',
      ].join('\n'),
    );
    expect(board).toMatchObject({ version: '6.12.48-2', hostname: 'mine-UTC' });
    expect(board.config).toEqual(['# 6.12.48-2 mine-UTC linux arm64']);
    expect(board.kernel.cmdline).toEqual(['name=mine-UTC']);
  });

  test('are rendered once', () => {
    expect(mine('variables: { raw: "\\\\{{board}}" }\nconfig: ["{{raw}}"]').config).toEqual(['{{board}}']);
  });
});

describe('the accounts of a board', () => {
  test('get numbers, homes and groups of their own', () => {
    const { users, groups } = mine(
      'groups: { spi: 1000 }\nusers:\n  pi: { groups: [spi, video] }\n  guest: { gid: 100, home: /srv }\n  ann: { uid: 1001 }\n',
    );
    expect(users.get('pi')).toMatchObject({ uid: 1002, gid: 1002, home: '/home/pi', groups: ['spi', 'video'] });
    expect(users.get('guest')).toMatchObject({ uid: 1003, gid: 100, home: '/srv' });
    expect(users.get('ann')).toMatchObject({ uid: 1001, gid: 1001 });
    expect([groups.get('pi'), groups.get('guest'), groups.get('ann')]).toEqual([1002, undefined, 1001]);
  });

  test('never have the words of a password in the recipe', () => {
    expect(complaint(() => mine('users: { root: { password: secret } }'))).toContain('never the password itself');
    const hash = '$6$salt$8ZqWc0Y3';
    expect(mine(`users: { root: { password: ${hash} } }`).users.get('root')?.password).toBe(hash);
  });
});

test('sizes become bytes and times milliseconds', () => {
  const board = mine(
    [
      'image: { size: 1G, partitions: { boot: { size: 64M }, root: { format: squashfs } } }',
      'emulator: { machine: raspi3b, memory: 2048 }',
      'checks: [{ name: a, run: "true", timeout: 1.5m, retry: 250ms }]',
    ].join('\n'),
  );
  expect(board.image).toEqual({
    size: 1024 ** 3,
    table: 'mbr',
    formats: ['img', 'bmap'],
    partitions: {
      boot: { format: 'vfat', size: 64 * 1024 ** 2, label: 'BOOT' },
      root: { format: 'squashfs', label: 'root' },
    },
  });
  expect(board.emulator?.memory).toBe(2048);
  expect(board.checks[0]).toMatchObject({ timeout: 90_000, retry: 250 });
});

test('a kernel package that is also listed is taken once', () => {
  expect(values(mine('packages: [linux, busybox, busybox]').packages)).toEqual(['busybox']);
});
