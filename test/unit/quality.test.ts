import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

test('every package that we ask for is used, and no other', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  const paths = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const used = new Set(paths.flatMap((path) => packagesOf(readFileSync(join('src', path), 'utf8'))));
  expect([...used].sort()).toEqual(Object.keys(dependencies).sort());
});

/** `yaml` for `yaml`, `@bufbuild/protobuf` for `@bufbuild/protobuf/wire`; nothing for Node's own and ours. */
function packagesOf(source: string): string[] {
  const imports = source.matchAll(/^(?:import|export|\}).* from '([^'\n]+)'|\bimport\('([^'\n]+)'\)/gm);
  const names = Array.from(imports, ([, still, lazy]) => still ?? lazy ?? '');
  const foreign = names.filter((name) => !name.startsWith('.') && !name.startsWith('node:'));
  return foreign.map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
}

async function outputOf(program: string, words: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(program, words).catch((error) => error as { stdout: string; stderr: string });
  return stdout + stderr;
}
