import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic, type SourceLocation } from '../../src/diagnostic.ts';
import { parseConfig } from '../../src/kconfig/config.ts';
import { mergeRequests, parseFragment } from '../../src/kconfig/fragment.ts';
import { parseKconfig } from '../../src/kconfig/language.ts';
import { checkModules } from '../../src/module/check.ts';
import { checkDeclared, type Declared } from '../../src/module/declared.ts';
import { listModules } from '../../src/module/list.ts';
import { moduleRules } from '../../src/module/makefiles.ts';
import { koOf, type Said } from '../helpers/modules.ts';

/**
 * What a user is told about kernel modules that will not load. `<case>.input` holds files, each after a line `-- path --`;
 * `<case>.expected` is what is printed. `vitest -u` writes it anew.
 *
 * `modules.json` is what a board names. With `Kconfig`, `.config`, Makefiles and fragments it is held against what the kernel
 * is configured to; with `built.json`, against what was built. `modpost` is what kbuild's last step said of a package.
 */
const folder = join(import.meta.dirname, 'modules');

interface Input {
  readonly modules?: readonly Omit<Declared, 'at'>[];
  /** What packages make, and those that the board lacks. */
  readonly packaged?: readonly string[];
  readonly packages?: readonly string[];
}

interface Built {
  readonly name: string;
  readonly path: string;
  readonly said: Said;
  readonly machine?: number;
  readonly supersedes?: readonly string[];
}

describe('a module that will not load is explained', () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith('.input'));

  test.each(cases)('%s', async (file) => {
    const files = parseInput(readFileSync(join(folder, file), 'utf8'));
    const told = [...configured(files), ...listed(files), ...checked(files)];
    const text = told.length > 0 ? told.map(formatDiagnostic).join('\n') : 'every module will load';
    await expect(`${text}\n`).toMatchFileSnapshot(join(folder, file.replace(/input$/, 'expected')));
  });
});

function configured(files: ReadonlyMap<string, string>) {
  if (!files.has('Kconfig')) return [];
  const { packaged = [], packages = [] } = inputOf(files);
  const fragments = [...files]
    .filter(([path]) => /[^/]\.config$/.test(path))
    .map(([path, text]) => parseFragment(text, path, 'kernel'));
  return checkDeclared(
    declaredIn(files),
    {
      rules: moduleRules(new Map([...files].filter(([path]) => /Makefile$/.test(path)))),
      values: parseConfig(files.get('.config') ?? ''),
      model: parseKconfig(files, 'Kconfig', { SRCARCH: 'arm64' }),
      requests: new Map(mergeRequests(fragments).map((request) => [request.symbol, request])),
    },
    { packaged, packages },
  );
}

function listed(files: ReadonlyMap<string, string>) {
  const built = files.get('built.json');
  if (built === undefined) return [];
  const modules = (JSON.parse(built) as Built[]).map(({ said, machine, ...each }) => ({
    ...each,
    bytes: () => koOf(said, machine),
    ...(each.path.startsWith('package') && { at: placeOf('package.yaml', each.name) }),
  }));
  const packaged = modules.filter(({ path }) => path.startsWith('package'));
  return listModules(
    declaredIn(files),
    packaged,
    modules.filter((module) => !packaged.includes(module)),
  );
}

function checked(files: ReadonlyMap<string, string>) {
  const modpost = files.get('modpost');
  if (modpost === undefined) return [];
  const built: Built[] = JSON.parse(files.get('made.json') ?? '[]');
  const modules = built.map(({ name, said, machine }) => ({
    name,
    bytes: koOf(said, machine),
    at: placeOf('package.yaml', name),
  }));
  const exports = (files.get('exports') ?? '').trim().split('\n');
  const vermagic = '6.12.1 SMP mod_unload aarch64';
  return checkModules(modules, { package: 'mine', arch: 'arm64', vermagic, modpost, exports }).diagnostics;
}

function inputOf(files: ReadonlyMap<string, string>): Input {
  return JSON.parse(files.get('modules.json') ?? '{}');
}

function declaredIn(files: ReadonlyMap<string, string>): Declared[] {
  return (inputOf(files).modules ?? []).map((each) => ({ ...each, at: placeOf('board.yaml', each.name) }));
}

function placeOf(file: string, name: string): SourceLocation {
  return { file, line: 3, column: 5, length: name.length, text: `  - ${name}` };
}

function parseInput(text: string): Map<string, string> {
  const [, ...parts] = text.split(/^-- (.+) --\n/m);
  return new Map(parts.flatMap((path, index) => (index % 2 === 0 ? [[path, parts[index + 1] ?? '']] : [])));
}
