import { chmodSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeFolder } from '../../src/build/remove.ts';

test('folders that may not be written to are removed all the same, by whomever', async () => {
  const top = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  const folder = join(top, 'a');
  mkdirSync(join(folder, 'b/c'), { recursive: true });
  writeFileSync(join(folder, 'b/c/file'), 'x');
  for (const each of ['b/c', 'b', '.']) chmodSync(join(folder, each), 0o555);
  await removeFolder(folder);
  expect(existsSync(folder)).toBe(false);
  await removeFolder(folder);
  await removeFolder(top);
});
