import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verbs } from '../../src/commands/index.ts';

const readme = readFileSync('README.md', 'utf8');

test('the README names every verb, and no other', () => {
  const table = section('Commands')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const named = table.flatMap((line) =>
    [...(line.split('|')[1] ?? '').matchAll(/`([a-z-]+)/g)].map(([, verb]) => verb),
  );
  expect([...new Set(named)].sort()).toEqual(verbs.map(({ name }) => name).sort());
});

test('every command in the README has only options that exist', () => {
  for (const [, words = ''] of readme.matchAll(/(?:npx |`)pibuild ([a-z-]+(?: [^\n`#|]*)?)/g)) {
    const [name, ...rest] = words.trim().split(/\s+/);
    const verb = verbs.find((each) => each.name === name);
    expect(verb, words).toBeDefined();
    const flags = rest.filter((word) => word.startsWith('--') && word !== '--help');
    for (const flag of flags) expect(verb?.options.map((option) => option.flags).join(' '), words).toContain(flag);
  }
});

test('the README names every variable of the environment, and no other', () => {
  const code = [...sources('src'), ...sources('test/torture')].flatMap(
    (text) => text.match(/\bPIBUILD_[A-Z_]+/g) ?? [],
  );
  const named = readme.match(/\bPIBUILD_[A-Z_]+/g) ?? [];
  expect([...new Set(named)].sort()).toEqual([...new Set(code)].sort());
});

test('the README names every event, and no other', () => {
  const ofBuilds = readFileSync('src/build/event.ts', 'utf8').matchAll(/^ {2}type: '([a-z-]+)';$/gm);
  const ofVerbs = sources('src/commands').flatMap((text) => [
    ...text.matchAll(
      /(?:\bjson\(|type: )'([a-z-]+)',? (?:at: Date\.now\(\), (?:board|package|module|path)\b|\{ (?!diagnostic))/g,
    ),
  ]);
  const events = new Set([...ofBuilds, ...ofVerbs].map(([, type]) => type));
  const named = section('Events').matchAll(/^\| `([a-z-]+)` \|/gm);
  expect(
    Array.from(named, ([, type]) => type)
      .slice(1)
      .sort(),
  ).toEqual([...events].sort());
});

test('the README names every folder of the source', () => {
  const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) expect(section('How it works')).toContain(`${name}/`);
});

function section(title: string): string {
  const text = readme.split(/^## /m).find((each) => each.startsWith(`${title}\n`));
  if (text === undefined) throw new Error(`the README has no section '${title}'`);
  return text;
}

function sources(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  return paths.map((path) => readFileSync(join(folder, path), 'utf8'));
}
