import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { complaint, projectOf } from '../helpers/recipes.ts';

/**
 * What a user is told about mistakes in recipes. `<case>.input` holds what is loaded and the files of the project, each
 * after a line `-- path --`; `<case>.expected` what is printed. `vitest -u` writes the expected files anew.
 */
const folder = join(import.meta.dirname, 'recipe');

describe('a mistake in a recipe is explained at its place', () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith('.input'));

  test.each(cases)('%s', async (file) => {
    const { kind, name, files } = parseInput(readFileSync(join(folder, file), 'utf8'));
    const project = () => projectOf(files);
    const told = complaint(() => project()[kind](name));
    await expect(`${told}\n`).toMatchFileSnapshot(join(folder, file.replace(/input$/, 'expected')));
  });
});

function parseInput(text: string): { kind: 'board' | 'package'; name: string; files: Record<string, string> } {
  const [head = '', ...parts] = text.split(/^-- (.+) --\n/m);
  const [, kind, name] = head.trim().match(/^load (board|package) (\S+)$/) ?? [];
  if (kind === undefined || name === undefined) throw new Error(`no 'load' line: ${head}`);
  const files = parts.flatMap((path, index) => (index % 2 === 0 ? [[path, parts[index + 1] ?? '']] : []));
  return { kind: kind as 'board' | 'package', name, files: Object.fromEntries(files) };
}
