import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildOf, planCompiledPackage } from '../helpers/compiled.ts';

/**
 * What packages of the kinds make and autotools become: `<case>.yaml` is a recipe, `<case>.sh` the script that builds it,
 * after the inputs that it finds. `vitest -u` writes the scripts anew.
 */
const folder = join(import.meta.dirname, 'compiled');

describe('a compiled package is built by this script', () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

  test.each(cases)('%s', async (file) => {
    const plan = planCompiledPackage(readFileSync(join(folder, file), 'utf8'));
    const { params, inputs, outputs } = buildOf(plan);
    const { script } = params as { script: string };
    const head = `# inputs: ${Object.keys(inputs).join(' ')}\n# outputs: ${Object.keys(outputs).join(' ')}\n`;
    await expect(head + script).toMatchFileSnapshot(join(folder, file.replace(/yaml$/, 'sh')));
  });
});
