import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Installed, install } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';

let pibuild: Installed;

beforeAll(async () => {
  pibuild = await install();
});
afterAll(() => pibuild.remove());

/** Boards that no other test boots; rpi3-minimal is everywhere. */
test.each(['rpi-zero2w'])('%s passes its own checks', async (board) => {
  const running = pibuild.start(['test', board], folderOf({ 'pibuild.yaml': '' }));
  expect(await running.ended, running.output()).toBe(0);
  expect(running.output()).not.toContain('✗');
});
