import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** Every diagnostic that a recipe can cause has a golden file of exactly what is printed, or stands here with why not. */

const root = resolve(import.meta.dirname, '../..');

/** Areas of codes that no recipe causes, and what does. */
const otherAreas: Readonly<Record<string, string>> = {
  build: 'what was typed: --offline',
  check: 'a tool that does not do the same thing twice',
  cli: 'what was typed',
  config: 'what was typed to `pibuild config`',
  device: 'the emulator, a disk of this machine, a board that is on',
  dockerfile: 'a Dockerfile: its words are in test/unit',
  flash: 'a card, or what was typed',
  git: 'a git server: test/system/git.test.ts',
  host: 'this machine',
  identity: 'what was typed',
  import: 'what was typed to `pibuild import`, or the file that it reads: the words are in its own tests',
  lock: 'what was typed to `pibuild lock`',
  menuconfig: 'what was typed to `pibuild menuconfig`',
  oci: 'a registry or an image: the words are in test/unit/oci',
  output: "the project's folder of output",
  sandbox: 'this machine',
  shell: 'what was typed to `pibuild shell`',
  store: 'the store',
  test: 'what was typed to `pibuild test`',
};

/** Codes of the other areas without a golden file. */
const others: Readonly<Record<string, string>> = {
  'archive/bad-signature': 'the mirror',
  'archive/expired': 'the mirror, or the clock',
  'archive/hostile-member': 'a hostile .deb: test/unit/archive',
  'archive/lock-not-written': 'the disk',
  'archive/no-key': 'told when it is locked',
  'archive/no-keyring': 'the tools',
  'archive/no-mirror': 'this machine: test/unit/archive/mirror.test.ts',
  'archive/no-suite': 'the words are those of apt: test/unit/archive/apt.test.ts',
  'archive/not-a-deb': 'a damaged .deb',
  'archive/relocked': 'the mirror: test/system/lock.test.ts',
  'archive/unknown-package': 'told by apt when it is locked: test/unit/archive/apt.test.ts',
  'archive/unresolvable': 'told by apt when it is locked: test/unit/archive/apt.test.ts',
  'archive/update-failed': 'the mirror',
  'enter/no-userland': 'what was typed',
  'graph/cycle': 'a bug: a circle of packages is told before, with their names (plan/cycle)',
  'graph/duplicate-task': 'a bug: two packages of one name cannot be',
  'graph/unknown-artifact': 'a bug',
  'graph/unknown-task': 'what was typed',
  'image/bmap-damaged': 'an image that was changed: test/system/flash.test.ts',
  'image/bmap-version': 'an image of somebody else',
  'image/no-size': 'the schema gives sizes where they are needed',
  'kernel/needed': 'its words are in test/unit/kconfig/needed.test.ts, with the Kconfig they are about',
  'module/build-failed': 'what was typed to `pibuild module`',
  'module/kbuild-version': 'packaged headers',
  'module/kernel-link': 'a kernel of this machine',
  'module/no-kernel': 'what was typed to `pibuild module`',
  'module/no-module': 'what was typed to `pibuild module`',
  'module/no-source': 'what was typed to `pibuild module`',
  'module/not-written': 'the disk',
  'plan/no-board': 'a module is planned without a board only by verbs that give a kernel',
  'plan/unknown-kind': 'the loader tells it before, with the place (recipe/unknown-kind)',
  'recipe/encoding': 'a golden file is text, and this one is not: test/unit/recipe/document.test.ts',
  'recipe/unreadable': 'the permissions of a file',
  'service/no-service': 'a kind of package of our own',
  'userland/no-tools': "somebody's own tools/userland that is none",
  'service/no-root': 'the loader tells it before, with the place (recipe/service-root)',
  'task/cancelled': 'Ctrl-C',
  'task/inputs-change': 'somebody who edits files while they are read',
  'task/no-artifact': 'a kind of task: test/unit/builder.test.ts',
  'task/no-input': 'a file that went away while it was built',
  'task/not-started': 'this machine',
  'task/wrong-artifact': 'a kind of task',
  'timeline/encoding': 'a golden file is text, and this one is not',
  'tools/host': 'this machine',
  'tools/no-bootstrap': "somebody's own tools/bootstrap that is none",
  'tools/no-oci': "somebody's own tools/oci that is none",
};

function filesBelow(folder: string, ending: RegExp): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => ending.test(name)).map((name) => readFileSync(join(root, folder, name), 'utf8'));
}

/** The codes that the source has: `code: 'area/what'`, the first word of `fail(...)` and of `recipeProblem(...)`. */
function codesInSource(): Set<string> {
  const source = filesBelow('src', /\.ts$/).join('\n');
  const found = [
    ...source.matchAll(/\bcode: '([a-z]+\/[a-z0-9-]+)'/g),
    ...source.matchAll(/\b(?:fail|told|problem|error|warning)\(\s*'([a-z]+\/[a-z0-9-]+)'/g),
    ...source.matchAll(/\?\s*'([a-z]+\/[a-z0-9-]+)'\s*:\s*'(?:[a-z]+\/[a-z0-9-]+)'/g),
  ].map(([, code]) => code as string);
  const recipe = [...source.matchAll(/\brecipeProblem\(\s*'([a-z-]+)'/g)].map(([, code]) => `recipe/${code}`);
  return new Set([...found, ...recipe]);
}

const printed = filesBelow('test/golden', /\.(expected|txt|jsonl)$/).join('\n');
const golden = new Set([...printed.matchAll(/\[([a-z]+\/[a-z0-9-]+)\]$/gm)].map(([, code]) => code as string));
const codes = [...codesInSource()].sort();

test('every diagnostic that a recipe can cause has a golden file', () => {
  const without = codes.filter(
    (code) => !golden.has(code) && !(code in others) && !((code.split('/')[0] ?? '') in otherAreas),
  );
  expect(without).toEqual([]);
});

test('nothing stands in the list of those without one that has one, or that is no longer there', () => {
  expect(Object.keys(others).filter((code) => golden.has(code) || !codes.includes(code))).toEqual([]);
  const areas = new Set(codes.map((code) => code.split('/')[0]));
  expect(Object.keys(otherAreas).filter((area) => !areas.has(area))).toEqual([]);
});

test('there are golden files of many more than a few mistakes', () => {
  expect(codes.filter((code) => golden.has(code)).length).toBeGreaterThan(60);
});
