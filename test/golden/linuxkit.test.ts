import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { Failure, formatDiagnostic } from '../../src/diagnostic.ts';
import { board } from '../../src/recipe/schema.ts';
import { importLinuxkit } from '../../src/service/linuxkit.ts';

/**
 * LinuxKit YAMLs (`<case>.input`) and what they become: the keys of a board, and what could not be kept. `vitest -u` writes the
 * expected files anew.
 */
const folder = join(import.meta.dirname, 'linuxkit');
const cases = readdirSync(folder).filter((file) => file.endsWith('.input'));

test.each(cases)('%s becomes keys of a board, and what does not is said at its line', async (file) => {
  await expect(imported(file)).toMatchFileSnapshot(join(folder, file.replace('.input', '.expected')));
});

test('with a registry every image has one, and a board takes all that is kept', () => {
  const { board: keys } = importLinuxkit(readFileSync(join(folder, 'gateway.input')), 'gateway.yml', {
    registry: 'r.example',
  });
  expect(board.safeParse({ board: 'gateway', ...keys }).error).toBeUndefined();
  expect(JSON.stringify(keys)).toContain('"image":"r.example/linuxkit/getty:05eca453695984a69617f1f1f0bcdae7f7032967"');
});

function imported(file: string): string {
  try {
    const { board: keys, left } = importLinuxkit(readFileSync(join(folder, file)), file.replace('.input', '.yml'));
    return `${stringify(keys, { lineWidth: 110 })}-- left --\n${left.map((each) => `${formatDiagnostic(each)}\n`).join('')}`;
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics.map((each) => `${formatDiagnostic(each)}\n`).join('');
    throw error;
  }
}
