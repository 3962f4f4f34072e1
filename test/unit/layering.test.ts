import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The rules of how the code lies: DESIGN's "the way of the data", as a test. */

const root = resolve(import.meta.dirname, '../..');
const src = join(root, 'src');

/** From left to right. What stands on one line does not import each other, but within a folder all may. */
const order = [
  ['diagnostic.ts'],
  ['paths.ts', 'processes.ts'],
  ['recipe'],
  ['graph'],
  ['archive', 'hat', 'image', 'kconfig'],
  ['module', 'oci', 'inside'],
  ['service'],
  ['kinds'],
  ['plan.ts'],
  ['build'],
  ['device'],
  ['report'],
  ['commands'],
  ['cli.ts'],
];

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const text = (file: string) => readFileSync(join(src, file), 'utf8');
const part = (file: string) => file.split('/')[0] ?? '';
const layer = (file: string) => order.findIndex((parts) => parts.includes(part(file)));

/** What a file imports, also as types alone or when it is needed: packages by name, files by their path below src. */
function imports(file: string): string[] {
  const found = text(file).matchAll(
    /(?:^|[\s;}])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g,
  );
  return [...found].map(([, from, lazily]) => {
    const name = from ?? lazily ?? '';
    return name.startsWith('.') ? relative(src, resolve(src, dirname(file), name)) : name;
  });
}

describe('the way of the data', () => {
  test('has a place for every file', () => {
    expect(files.filter((file) => layer(file) === -1)).toEqual([]);
  });

  test('is kept: imports point left only', () => {
    const wrong = files.flatMap((file) =>
      imports(file)
        .filter((other) => files.includes(other) && part(other) !== part(file) && layer(other) >= layer(file))
        .map((other) => `${file} imports ${other}`),
    );
    expect(wrong).toEqual([]);
  });

  test('sees every import', () => {
    expect(imports('cli.ts')).toContain('commands/program.ts');
    expect(imports('commands/index.ts')).toContain('commands/list.ts');
    expect(imports('recipe/model.ts')).toContain('diagnostic.ts');
    expect(imports('build/command.ts')).toContain('execa');
  });
});

describe('what happens in one place only', () => {
  test('processes are started by build/command.ts', () => {
    const starters = files.filter((file) => imports(file).some((name) => /^(execa|(node:)?child_process)$/.test(name)));
    expect(starters).toEqual(['build/command.ts']);
  });

  test('the process is ended by cli.ts', () => {
    expect(files.filter((file) => /process\.(exit|abort|reallyExit)\(/.test(text(file)))).toEqual(['cli.ts']);
  });

  test('the folders of a project and of the store are named by paths.ts', () => {
    const joined = /\bjoin\([^)]*['"](boards|packages|overlays|output|cas|ac|trees|partial)['"]/;
    expect(files.filter((file) => joined.test(text(file)))).toEqual(['paths.ts']);
  });
});

describe('what is in the repository', () => {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached'], { cwd: root });
  const tracked = listed
    .toString()
    .split('\0')
    .filter((file) => file !== '' && file !== 'LICENSE');
  const find = (pattern: RegExp) => tracked.filter((file) => pattern.test(readText(file)));

  function readText(file: string): string {
    try {
      return readFileSync(join(root, file), 'utf8');
    } catch {
      // Deleted, but not yet committed; or a link to nowhere.
      return '';
    }
  }

  test('names no mirror of a distribution and no registry of packages', () => {
    const hosts = [
      'deb.debian',
      'ftp.debian',
      'security.debian',
      'snapshot.debian',
      'ports.ubuntu',
      'archive.ubuntu',
      'snapshot.ubuntu',
      'registry.npmjs',
    ];
    expect(find(new RegExp(`(${hosts.join('|').replaceAll('.', '[.]')})[.](org|com|net)`))).toEqual([]);
  });

  test('names no folder of the machine it was written on', () => {
    expect(find(/\/(work\/(main|shared)|farm|var\/tmp)\//)).toEqual([]);
  });
});
