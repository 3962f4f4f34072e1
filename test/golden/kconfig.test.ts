import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import { checkRequests } from '../../src/kconfig/check.ts';
import { parseConfig } from '../../src/kconfig/config.ts';
import { mergeRequests, parseFragment } from '../../src/kconfig/fragment.ts';
import { parseKconfig } from '../../src/kconfig/language.ts';

/**
 * What a user is told about symbols that were not set as asked. `<case>.input` holds files, each after a line `-- path --`:
 * fragments (`*.config`, in order), `.config` with what configuring came to, and the Kconfig files that define the
 * symbols: excerpts of Linux 6.12 and busybox 1.37. `<case>.expected` is what is printed. `vitest -u` writes it anew.
 */
const folder = join(import.meta.dirname, 'kconfig');

describe('a symbol that was dropped is explained', () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith('.input'));

  test.each(cases)('%s', async (file) => {
    const files = parseInput(readFileSync(join(folder, file), 'utf8'));
    const fragments = [...files]
      .filter(([path]) => /[^/]\.config$/.test(path))
      .map(([path, text]) => parseFragment(text, path, 'kernel'));
    const root = files.has('Kconfig') ? 'Kconfig' : 'Config.in';
    const model = parseKconfig(files, root, { SRCARCH: 'arm64' });
    const values = parseConfig(files.get('.config') ?? '');
    const told = [
      ...fragments.flatMap(({ problems }) => problems),
      ...checkRequests(mergeRequests(fragments), values, model, 'kernel'),
    ];
    const text = told.length > 0 ? told.map(formatDiagnostic).join('\n') : 'every symbol is set as asked';
    await expect(`${text}\n`).toMatchFileSnapshot(join(folder, file.replace(/input$/, 'expected')));
  });
});

function parseInput(text: string): Map<string, string> {
  const [, ...parts] = text.split(/^-- (.+) --\n/m);
  return new Map(parts.flatMap((path, index) => (index % 2 === 0 ? [[path, parts[index + 1] ?? '']] : [])));
}
