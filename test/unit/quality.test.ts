import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('the types hold', { timeout: 300_000 }, async () => {
  expect(await outputOf('node_modules/.bin/tsc', ['-p', 'tsconfig.json', '--noEmit'])).toBe('');
});

test('the linter and the formatter have nothing to say', { timeout: 300_000 }, async () => {
  const said = await outputOf('node_modules/.bin/biome', ['check', '--error-on-warnings', '--colors=off', '.']);
  expect(said).toMatch(/^Checked \d+ files in .*\. No fixes applied\.\n$/);
});

/** The way of the data: a file imports from folders before its own, and from its own. */
const layers = [
  ['diagnostic.ts', 'paths.ts'],
  ['recipe'],
  ['graph'],
  ['image', 'archive', 'kconfig'],
  ['kinds'],
  ['plan.ts'],
  ['build'],
  ['device'],
  ['report'],
  ['commands'],
  ['cli.ts'],
];

test('imports point left only', () => {
  const wrong = imports.filter(({ from, to }) => !isFurtherLeft(to, from)).map(({ from, to }) => `${from} -> ${to}`);
  expect(imports.length).toBeGreaterThan(50);
  expect(wrong).toEqual([]);
});

test('only one file starts processes, and only one ends ours', () => {
  const starting = packages.filter(({ name }) => name === 'execa' || name === 'node:child_process');
  expect([...new Set(starting.map(({ from }) => from))]).toEqual(['build/command.ts']);
  const ending = [...sources].filter(([, text]) => /\bprocess\.exit(Code)?\b/.test(text)).map(([path]) => path);
  expect(ending).toEqual(['cli.ts']);
});

test('every package that is imported is one that we ask for', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  const names = packages.map(({ name }) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
  const used = new Set(names.filter((name) => !name.startsWith('node:')));
  expect([...used].sort()).toEqual(Object.keys(dependencies).sort());
});

const sources: ReadonlyMap<string, string> = new Map(
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => [path, readFileSync(join('src', path), 'utf8')]),
);

const specifiers = [...sources].flatMap(([from, text]) =>
  [...text.matchAll(/^(?:import|export|\}).* from '([^'\n]+)'|\bimport\('([^'\n]+)'\)/gm)].map(([, still, lazy]) => ({
    from,
    name: still ?? lazy ?? '',
  })),
);

const packages = specifiers.filter(({ name }) => !name.startsWith('.'));

const imports = specifiers
  .filter(({ name }) => name.startsWith('.') && name.endsWith('.ts'))
  .map(({ from, name }) => ({ from, to: relative('src', join('src', dirname(from), name)) }));

function isFurtherLeft(path: string, than: string): boolean {
  const [there, here] = [folderOf(path), folderOf(than)];
  return there === here || layerOf(there) < layerOf(here);
}

function layerOf(folder: string): number {
  const layer = layers.findIndex((names) => names.includes(folder));
  if (layer === -1) throw new Error(`${folder} has no place in the layers`);
  return layer;
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? path;
}

async function outputOf(program: string, words: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(program, words).catch((error) => error as { stdout: string; stderr: string });
  return stdout + stderr;
}
