import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planSmall, taskOf } from '../helpers/modules.ts';

/**
 * What packages of kernel modules become: `<case>.yaml` is a recipe, `<case>.sh` the scripts of its tasks, after the inputs
 * that each finds. `vitest -u` writes the scripts anew.
 */
const folder = join(import.meta.dirname, 'module');

describe('a package of kernel modules is built by these scripts', () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

  test.each(cases)('%s', async (file) => {
    const recipe = readFileSync(join(folder, file), 'utf8');
    const { graph } = planSmall('packages: [mine]\n', {
      'packages/mine/package.yaml': recipe,
      'packages/mine/mine.c': '',
      'packages/mine/fix.patch': '',
      'packages/mine/.mine.o.cmd': '',
      'packages/mine/mine.mod.c': '',
      'packages/mine/doc/how.txt': '',
      'packages/under/package.yaml': 'package: under\nkind: kernel-module\n',
      'packages/under/under.c': '',
    });
    const tasks = ['mine:source', 'mine:build']
      .filter((id) => graph.tasks.has(id as never))
      .map((id) => taskOf(graph, id));
    const text = tasks.map(({ id, inputs, outputs, params }) => {
      const head = `## ${id}\n# inputs: ${Object.keys(inputs).join(' ')}\n# outputs: ${Object.keys(outputs).join(' ')}\n`;
      return head + (params as { script: string }).script;
    });
    await expect(text.join('\n')).toMatchFileSnapshot(join(folder, file.replace(/yaml$/, 'sh')));
  });
});
