import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesOf, readPack } from '../../src/archive/git-pack.ts';
import { fetchCommit } from '../../src/archive/git-server.ts';
import { openHttpClient } from '../../src/archive/transfer.ts';
import { readModule } from '../../src/module/module-info.ts';
import { type Git, openGit } from '../helpers/git.ts';
import { moduleRecipe } from '../helpers/modules.ts';
import { runPibuild } from '../helpers/services.ts';

/** Sources out of git, fetched by pibuild from git's own server on this machine. */

let top = '';
let git: Git;
let server: Awaited<ReturnType<Git['serve']>>;
const commits = { first: '', second: '' };

const source = `#include <linux/init.h>
#include <linux/module.h>
static int __init start(void) { return 0; }
static void __exit stop(void) { }
module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("out of git");
MODULE_LICENSE("GPL");
`;

beforeAll(async () => {
  top = mkdtempSync(join(tmpdir(), 'pibuild-git-'));
  git = await openGit(join(top, 'git'));
  writeFileSync(join(top, 'git/hello.c'), source);
  // Many versions of one long file, so that the server has deltas to send.
  await git.run(`
git init -q -b main hello.git && cd hello.git
mv ../hello.c . && ln -s hello.c link && mkdir -p doc/deep && seq 1 20000 > doc/deep/long.txt && cp doc/deep/long.txt doc/other.txt
echo 19999 >> doc/other.txt && printf '#!/bin/sh\\n' > run.sh && chmod +x run.sh && : > empty
git add -A && git commit -qm first
{ seq 1 4999; echo five; seq 5001 20000; } > doc/deep/long.txt && git commit -qam second
git gc -q --aggressive --prune=now`);
  commits.first = await git.run('git -C hello.git rev-parse HEAD~');
  commits.second = await git.run('git -C hello.git rev-parse HEAD');
  server = await git.serve();
}, 300_000);

afterAll(() => {
  server?.close();
  rmSync(top, { recursive: true, force: true });
});

test('the files of a commit are as git checks them out, also of one that is no branch', async () => {
  const client = await openHttpClient({ connect: 5000, stall: 60_000 });
  const { signal } = new AbortController();
  for (const commit of [commits.first, commits.second]) {
    const pack = await fetchCommit(client, `${server.url}/hello.git`, commit, signal, () => {});
    const files = filesOf(readPack(pack), commit);
    const tree = await git.run(`git -C hello.git ls-tree -r --format='%(objectmode) %(path)' ${commit}`);
    const mode = { symlink: '120000', submodule: '160000', file: '100644' };
    expect(files.map(({ path, type, executable }) => `${executable ? '100755' : mode[type]} ${path}`).join('\n')).toBe(
      tree,
    );
    const long = files.find(({ path }) => path === 'doc/deep/long.txt')?.data.toString();
    expect(`${await git.run(`git -C hello.git show ${commit}:doc/deep/long.txt`)}\n`).toBe(long);
    expect(files.find(({ type }) => type === 'symlink')?.data.toString()).toBe('hello.c');
  }
  await client.close();
});

test('a damaged pack, and one that lacks an object, is refused', async () => {
  const client = await openHttpClient({ connect: 5000, stall: 60_000 });
  const { signal } = new AbortController();
  const pack = await fetchCommit(client, `${server.url}/hello.git`, commits.first, signal, () => {});
  await client.close();
  const damaged = Buffer.from(pack);
  damaged[100] = (damaged[100] ?? 0) ^ 1;
  expect(() => readPack(damaged)).toThrow('the pack is damaged');
  expect(() => readPack(pack.subarray(0, 20))).toThrow('no pack of version 2');
  expect(() => filesOf(readPack(pack), commits.second)).toThrow(`did not send the commit ${commits.second}`);
});

/** A project with a module out of git. */
function project(lines: string): string {
  const folder = mkdtempSync(join(top, 'project-'));
  mkdirSync(join(folder, 'packages/hello'), { recursive: true });
  writeFileSync(join(folder, 'pibuild.yaml'), '');
  writeFileSync(join(folder, 'packages/hello/package.yaml'), moduleRecipe('hello', `source:\n${lines}`));
  return folder;
}

const build = (folder: string, ...words: string[]) =>
  runPibuild(folder, ['module', 'hello', '--board', 'rpi3-minimal', ...words]);

test('a module is built out of a commit, whose hash is told, and then known without asking the server', async () => {
  const at = `  git: ${server.url}/hello.git\n  commit: ${commits.second}\n`;
  const wrong = await build(project(`${at}  sha256: ${'f'.repeat(64)}\n  size: 1\n`));
  expect(wrong.code).toBe(1);
  expect(wrong.text).toMatch(/is not the archive that the recipe says \[git\/hash\]/);
  const [, sha256, size] = /write sha256: ([0-9a-f]{64}), size: (\d+)/.exec(wrong.text) ?? [];
  const folder = project(`${at}  sha256: ${sha256}\n  size: ${size}\n`);
  const right = await build(folder);
  expect(right.code, right.text).toBe(0);
  const module = readFileSync(join(folder, 'output/rpi3-minimal/modules/hello.ko'));
  expect(readModule(module)).toMatchObject({ machine: 'arm64', license: 'GPL' });
  const before = server.requests.length;
  expect((await build(folder, '--offline')).code).toBe(0);
  expect(server.requests.length).toBe(before);
});

test.each([
  [
    'hello.git',
    'f'.repeat(40),
    /cannot fetch http:\S+\/hello\.git: the server said: .*not our ref[\s\S]*is f+ a commit of this/,
  ],
  ['none.git', 'f'.repeat(40), /cannot fetch http:\S+\/none\.git: the server answered 404 \[git\/not-fetched\]/],
])('%s at %s is refused', async (name, commit, told) => {
  const lines = `  git: ${server.url}/${name}\n  commit: ${commit}\n  sha256: ${'e'.repeat(64)}\n  size: 1\n`;
  const { code, text } = await build(project(lines));
  expect(code).toBe(1);
  expect(text).toMatch(told);
});
