import { describe, expect, test } from 'vitest';
import type { Input, Task } from '../../../src/graph/task.ts';
import { commandLine } from '../../../src/kinds/boot.ts';
import { artifact } from '../../../src/kinds/command.ts';
import { type ImagePlan, planImage } from '../../../src/kinds/image.ts';
import type { Board } from '../../../src/recipe/model.ts';
import { complaint, projectOf } from '../../helpers/recipes.ts';

const tools = artifact('tools/image:unpack', 'tree');

function boardOf(recipe = '', name = 'small'): Board {
  return projectOf({
    [`boards/${name}/board.yaml`]: `board: ${name}\nextends: base\n${recipe}`,
    'overlays/extra/etc/extra.sh': 'echo extra',
    'overlays/extra/etc/motd.hbs': 'this is {{board}}',
  }).board(name);
}

function planOf(board: Board): ImagePlan {
  const layers = [
    { name: 'busybox', ref: artifact('busybox:build', 'layer'), permissions: [{ path: 'bin/su', mode: '4755' }] },
    { name: 'busybox/extras', ref: artifact('busybox/extras:build', 'layer'), permissions: [], replace: ['etc/x'] },
  ];
  return planImage(board, layers, [{ name: 'linux', ref: artifact('linux:build', 'boot') }], () => tools);
}

function taskOf(plan: ImagePlan, id: string): Task {
  const task = plan.tasks.find((candidate) => candidate.id === id);
  if (!task) throw new Error(`no task ${id}: ${plan.tasks.map((candidate) => candidate.id).join(', ')}`);
  return task;
}

function textOf(task: Task, input: string): string {
  const found: Input | undefined = task.inputs[input];
  if (found?.from !== 'text') throw new Error(`${input} is no text`);
  return found.text;
}

describe('the plan of an image', () => {
  test('merges the layers of packages, then of overlays, then the accounts', () => {
    const plan = planOf(boardOf('overlays: [extra]\nreplace: [etc/motd]'));
    const { params, inputs } = taskOf(plan, 'small:root');
    const own = { permissions: [], replace: ['etc/motd'], recipe: "board 'small'" };
    expect(params).toEqual({
      layers: [
        {
          name: 'busybox',
          input: 'layers/busybox',
          permissions: [{ path: 'bin/su', mode: '4755' }],
          replace: [],
          recipe: "package 'busybox'",
        },
        {
          name: 'busybox/extras',
          input: 'layers/busybox+extras',
          permissions: [],
          replace: ['etc/x'],
          recipe: "package 'busybox/extras'",
        },
        { name: 'overlays/base', input: 'layers/overlays+base', ...own },
        { name: 'overlays/extra', input: 'layers/overlays+extra', ...own },
        { name: 'accounts', input: 'layers/accounts', ...own },
      ],
      permissions: [],
      ext4: 512 * 1024 * 1024,
    });
    expect(inputs['layers/overlays+extra']).toEqual(artifact('small:overlay/extra', 'layer'));
  });

  test('packs an overlay file by file, so that a change names the file', () => {
    const { params, inputs } = taskOf(planOf(boardOf('overlays: [extra]')), 'small:overlay/extra');
    expect(params).toEqual({
      entries: [
        { path: 'etc', type: 'folder', mode: '0755', uid: 0, gid: 0 },
        { path: 'etc/extra.sh', type: 'file', mode: '0755', uid: 0, gid: 0, input: 'files/etc/extra.sh' },
        { path: 'etc/motd', type: 'file', mode: '0644', uid: 0, gid: 0, input: 'files/etc/motd' },
      ],
    });
    expect(inputs['files/etc/motd']).toMatchObject({ from: 'text', text: 'this is small' });
    expect(inputs['files/etc/extra.sh']).toMatchObject({
      from: 'project',
      origin: expect.stringMatching(/board\.yaml:3$/),
    });
  });

  test('gives filesystems and disks ids that are the same every time, and others for another board', () => {
    const idsOf = (plan: ImagePlan, name: string) =>
      ['rootfs', 'boot', 'disk'].map((step) => JSON.stringify(taskOf(plan, `${name}:${step}`)).replaceAll(name, ''));
    expect(idsOf(planOf(boardOf()), 'small')).toEqual(idsOf(planOf(boardOf()), 'small'));
    const [one, other] = [idsOf(planOf(boardOf()), 'small'), idsOf(planOf(boardOf('', 'other')), 'other')];
    expect(one.filter((text, index) => text === other[index])).toEqual([]);
  });

  test('leaves the size of a squashfs to its content', () => {
    const plan = planOf(boardOf('image: { partitions: { root: { format: squashfs } } }'));
    expect(taskOf(plan, 'small:root').params).not.toHaveProperty('ext4');
    expect(textOf(taskOf(plan, 'small:disk'), 'genimage.cfg')).not.toMatch(/image = "rootfs"[^}]*size/);
  });

  test('puts an empty data partition behind the root, and counts it', () => {
    const plan = planOf(boardOf('image: { partitions: { data: { size: 13M, label: mine } } }'));
    const data = /partition data \{\s+image = "data"\s+partition-type = 0x83\s+size = 16777216\s+\}/;
    expect(textOf(taskOf(plan, 'small:disk'), 'genimage.cfg')).toMatch(data);
    expect(JSON.stringify(taskOf(plan, 'small:data'))).toContain('-L mine');
    const board = boardOf(
      'image: { size: 64M, partitions: { boot: { size: 32M }, root: { size: 24M }, data: { size: 12M } } }',
    );
    expect(complaint(() => planOf(board))).toContain(': 8,388,608 bytes too many [image/too-large]');
  });

  test('says by how much partitions are too large for their card, and where that is written', () => {
    const board = boardOf('image: { size: 64M, partitions: { boot: { size: 33M }, root: { size: 32M } } }');
    expect(complaint(() => planOf(board))).toMatch(
      /board\.yaml:3:\d+: error: the partitions do not fit the card image of 67,108,864 bytes: 8,388,608 bytes too many \[image\/too-large\]/,
    );
  });
});

describe('the kernel command line', () => {
  const lineOf = (recipe: string) => commandLine(boardOf(recipe), 'PARTUUID=1-02');

  test('ends with where the root is', () => {
    expect(lineOf('')).toBe('console=ttyAMA0 quiet root=PARTUUID=1-02 rootfstype=ext4 rootwait rw');
  });

  test('mounts read-only what is read-only', () => {
    expect(lineOf('root: { readonly: true }')).toMatch(/rootfstype=ext4 rootwait ro$/);
    expect(lineOf('image: { partitions: { root: { format: squashfs } } }')).toMatch(/rootfstype=squashfs rootwait ro$/);
  });

  test('leaves alone what the board says itself', () => {
    const words = 'console=ttyAMA0 quiet root=/dev/nfs rootfstype=nfs rootwait=5 ro init=/bin/sh';
    expect(lineOf('kernel: { cmdline: [root=/dev/nfs rootfstype=nfs, rootwait=5, ro, " ", init=/bin/sh] }')).toBe(
      words,
    );
  });

  test('is one line', () => {
    expect(complaint(() => lineOf('kernel: { cmdline: ["a\\nb"] }'))).toMatch(/the kernel command line is one line/);
  });
});

describe('accounts', () => {
  const accountsOf = (recipe: string) => taskOf(planOf(boardOf(recipe)), 'small:accounts');
  const linesOf = (task: Task, input: string, name: string) =>
    textOf(task, input)
      .split('\n')
      .filter((line) => line.startsWith(`${name}:`) || line.split(/[:,]/).includes(name));

  test('of a user are a line in passwd and shadow, a group, and memberships', () => {
    const task = accountsOf('users: { pi: { groups: [i2c, video], shell: /bin/ash } }');
    expect(linesOf(task, 'passwd', 'pi')).toEqual(['pi:x:1000:1000:pi:/home/pi:/bin/ash']);
    expect(linesOf(task, 'shadow', 'pi')).toEqual(['pi:*::0:99999:7:::']);
    expect(linesOf(task, 'group', 'pi')).toEqual(['video:x:44:pi', 'i2c:x:200:pi', 'pi:x:1000:']);
  });

  test('let nobody in by password unless the board says so', () => {
    const hash = '$6$salt$hash';
    const task = accountsOf(
      `users: { root: { passwordless: false, password: ${hash} }, open: { passwordless: true } }`,
    );
    expect(textOf(task, 'shadow')).toBe(`root:${hash}::0:99999:7:::\nopen:::0:99999:7:::\nnobody:*::0:99999:7:::\n`);
  });

  test('have keys that only their owners can read', () => {
    const task = accountsOf('users: { pi: { sshKeys: [ssh-ed25519 AAAA one, ssh-ed25519 BBBB two] } }');
    expect(textOf(task, 'keys/pi')).toBe('ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n');
    const mine = { uid: 1000, gid: 1000 };
    expect(task.params).toMatchObject({
      entries: expect.arrayContaining([
        { path: 'home/pi', type: 'folder', mode: '0700', ...mine },
        { path: 'home/pi/.ssh', type: 'folder', mode: '0700', ...mine },
        { path: 'home/pi/.ssh/authorized_keys', type: 'file', mode: '0600', ...mine, input: 'keys/pi' },
      ]),
    });
  });

  test('cannot break the lines of passwd', () => {
    expect(complaint(() => accountsOf('users: { pi: { home: "/home:pi" } }'))).toMatch(/is no home of user 'pi'/);
    expect(complaint(() => accountsOf('users: { pi: { shell: bin/sh } }'))).toMatch(/is no shell of user 'pi'/);
    expect(complaint(() => accountsOf('users: { pi: { sshKeys: ["a\\nb"] } }'))).toMatch(/has several lines/);
  });
});
