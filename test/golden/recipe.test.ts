import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageKinds } from '../../src/kinds/index.ts';
import { planBoard, planPackages } from '../../src/plan.ts';
import { complaint, projectOf } from '../helpers/recipes.ts';
import { checkout } from '../helpers/tools.ts';

/**
 * What a user is told about mistakes in recipes. `<case>.input` holds what is done and the files of the project, each
 * after a line `-- path --`; `<case>.expected` what is printed. `vitest -u` writes the expected files anew.
 */
const folder = join(import.meta.dirname, 'recipe');

describe('a mistake in a recipe is explained at its place', () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith('.input'));

  test.each(cases)('%s', async (file) => {
    const { step, name, files } = parseInput(readFileSync(join(folder, file), 'utf8'));
    const told = complaint(() => steps[step](files, name));
    await expect(`${told}\n`).toMatchFileSnapshot(join(folder, file.replace(/input$/, 'expected')));
  });
});

/** `load` knows the fixtures' kinds of packages, `plan` the real ones; a board is planned over pibuild's own recipes. */
const steps = {
  'load board': (files: Files, name: string) => projectOf(files).board(name),
  'load package': (files: Files, name: string) => projectOf(files).package(name),
  'plan board': (files: Files, name: string) => planBoard(projectOf(files, packageKinds, checkout), name),
  'plan package': (files: Files, name: string) => planPackages(projectOf(files, packageKinds), [name]),
};

type Files = Record<string, string>;

function parseInput(text: string): { step: keyof typeof steps; name: string; files: Files } {
  const [head = '', ...parts] = text.split(/^-- (.+) --\n/m);
  const [, step, name] = head.trim().match(/^(\S+ \S+) (\S+)$/) ?? [];
  if (step === undefined || !(step in steps) || name === undefined) throw new Error(`what is to be done? ${head}`);
  const files = parts.flatMap((path, index) => (index % 2 === 0 ? [[path, parts[index + 1] ?? '']] : []));
  return { step: step as keyof typeof steps, name, files: Object.fromEntries(files) };
}
