import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { qemuArguments, qmpCommands } from '../../src/hat/qemu.ts';
import { driverFile, twinFile } from '../../src/hat/twin.ts';
import { hatFrom } from '../helpers/hats.ts';
import { complaint } from '../helpers/recipes.ts';

/**
 * HATs as texts. `<case>.input` holds the recipe after its first two lines and then the files beside it, each after a line
 * `-- path --`; `<case>.expected` what becomes of it, or what the user is told. `vitest -u` writes the expected files anew.
 */
const folder = join(import.meta.dirname, 'hat');
const cases = readdirSync(folder).filter((file) => file.endsWith('.input'));

describe('a mistake in a HAT is explained at its place, before anything is built', () => {
  test.each(cases.filter((file) => file.startsWith('bad-')))('%s', async (file) => {
    const { recipe, files } = parseInput(file);
    await expect(`${complaint(() => hatFrom(recipe, files))}\n`).toMatchFileSnapshot(expectedOf(file));
  });
});

describe('a HAT is what the module, the kernel and QEMU are told', () => {
  test.each(cases.filter((file) => !file.startsWith('bad-')))('%s', async (file) => {
    const { recipe, files } = parseInput(file);
    const hat = hatFrom(recipe, files);
    const parts = {
      twin: twinFile(hat),
      drivers: driverFile(hat),
      qemu: qemuArguments(hat).join('\n'),
      qmp: qmpCommands(hat)
        .map((command) => JSON.stringify(command))
        .join('\n'),
    };
    const text = Object.entries(parts).flatMap(([name, part]) => (part ? [`-- ${name} --`, part.trimEnd()] : []));
    await expect(`${text.join('\n')}\n`).toMatchFileSnapshot(expectedOf(file));
  });
});

function expectedOf(file: string): string {
  return join(folder, file.replace(/input$/, 'expected'));
}

function parseInput(file: string): { recipe: string; files: Record<string, string> } {
  const [recipe = '', ...parts] = readFileSync(join(folder, file), 'utf8').split(/^-- (.+) --\n/m);
  const files = parts.flatMap((path, index) => (index % 2 === 0 ? [[path, parts[index + 1] ?? '']] : []));
  return { recipe, files: Object.fromEntries(files) };
}
