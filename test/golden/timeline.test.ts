import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure, formatDiagnostic } from '../../src/diagnostic.ts';
import { readTimeline } from '../../src/hat/timeline-file.ts';
import { hatFrom } from '../helpers/hats.ts';
import { folderOf } from '../helpers/recipes.ts';

/**
 * Timelines as moments. `<case>.input` holds files, each after a line `-- path --`, the first of which is the timeline;
 * `<case>.expected` what happens when, or what the user is told. `vitest -u` writes the expected files anew.
 */
const folder = join(import.meta.dirname, 'timeline');

const recipe = `chips:
  air: {address: 0x77, model: bmp280, values: {temperature: 20}}
  light: {address: 0x29, model: tcs3472}
  case: {address: 0x48, model: tmp105, engine: qemu}
gpio: {door: {line: 23, direction: in}, lamp: {line: 24, direction: out}}
`;

test.each(readdirSync(folder).filter((file) => file.endsWith('.input')))('%s', async (file) => {
  const [, ...parts] = readFileSync(join(folder, file), 'utf8').split(/^-- (.+) --\n/m);
  const files = parts.flatMap((path, index) => (index % 2 === 0 ? [[path, parts[index + 1] ?? '']] : []));
  const project = folderOf(Object.fromEntries(files));
  const display = (path: string) => path.slice(project.length + 1);
  const text = told(() => readTimeline(join(project, parts[0] ?? ''), [hatFrom(recipe)], display));
  await expect(`${text}\n`).toMatchFileSnapshot(join(folder, file.replace(/input$/, 'expected')));
});

function told(read: () => ReturnType<typeof readTimeline>): string {
  try {
    const { moments, repeat } = read();
    const lines = moments.flatMap(({ at, set, fault }) => [
      ...set.map((setting) => `${at} ms: ${setting}`),
      ...fault.map(([chip, words]) => `${at} ms: ${chip} ${words}`),
    ]);
    return [...lines, ...(repeat ? ['and again'] : [])].join('\n');
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.diagnostics.map(formatDiagnostic).join('\n\n');
  }
}
