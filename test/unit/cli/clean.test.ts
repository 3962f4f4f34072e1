import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { pibuild } from '../../../src/commands/program.ts';
import { folderOf } from '../../helpers/recipes.ts';

function project() {
  const cwd = folderOf({
    'boards/mine/board.yaml': 'board: mine\nsummary: My own\n',
    'output/mine/mine.img': 'image',
    'output/mine/logs/linux.build.log': 'log',
  });
  const call = async (...words: string[]) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const { signal } = new AbortController();
    const host = { cwd, env: { PIBUILD_STORE: join(cwd, 'store') }, stdin: new PassThrough(), stdout, stderr, signal };
    return { code: await pibuild(words, host), err: String(stderr.read() ?? '') };
  };
  return { cwd, call };
}

test('clean removes all that a build left', async () => {
  const { cwd, call } = project();
  expect(await call('clean', 'mine')).toEqual({ code: 0, err: '' });
  expect(existsSync(join(cwd, 'output/mine'))).toBe(false);
});

test('clean leaves the card that `run --persist` kept, and says so, unless it is asked for', async () => {
  const { cwd, call } = project();
  const card = join(cwd, 'output/mine/mine.kept.qcow2');
  for (const path of [card, `${card}.json`]) writeFileSync(path, 'what the guest wrote');
  mkdirSync(join(cwd, 'output/mine/modules'));
  const { code, err } = await call('clean');
  expect(code).toBe(0);
  expect(err).toBe('output/mine/mine.kept.qcow2 stays: what `run --persist` wrote (--cards removes it too)\n');
  expect([card, `${card}.json`].map(existsSync)).toEqual([true, true]);
  expect(existsSync(join(cwd, 'output/mine/mine.img'))).toBe(false);
  expect(existsSync(join(cwd, 'output/mine/modules'))).toBe(false);
  expect(await call('clean', '--cards')).toEqual({ code: 0, err: '' });
  expect(existsSync(join(cwd, 'output/mine'))).toBe(false);
});
