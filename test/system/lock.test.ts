import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeEach, expect, test } from 'vitest';
import { formatLock } from '../../src/archive/lock-file.ts';
import type { Event } from '../../src/build/event.ts';
import { createContext, type Host } from '../../src/commands/context.ts';
import { pibuild } from '../../src/commands/program.ts';
import { openProject } from '../../src/commands/session.ts';
import { lockVanished } from '../../src/commands/vanished.ts';
import { parseLock } from '../../src/recipe/lock.ts';
import type { DebsLock } from '../../src/recipe/model.ts';
import { checkout, sharedStore } from '../helpers/tools.ts';

/** Locks with real apt, real indices and real signatures, in a project of its own. */

let project = '';
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'pibuild-system-'));
  writeFileSync(join(project, 'pibuild.yaml'), 'project: locks\n');
});

function writePackage(name: string, lines: readonly string[]): void {
  mkdirSync(join(project, 'packages', name), { recursive: true });
  const text = [`package: ${name}`, 'kind: debs', ...lines, ''].join('\n');
  writeFileSync(join(project, 'packages', name, 'package.yaml'), text);
}

const lockPath = (name: string): string => join(project, 'packages', name, 'debs.lock.json');
const lockOf = (name: string): DebsLock => parseLock(readFileSync(lockPath(name)), 'debs.lock.json');

function host(): Host & { text(): string } {
  const output = new PassThrough();
  let text = '';
  output.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const signal = new AbortController().signal;
  const streams = { stdin: new PassThrough(), stdout: output, stderr: output };
  return { cwd: project, env: process.env, ...streams, signal, text: () => text };
}

async function lock(...names: readonly string[]) {
  const at = host();
  const code = await pibuild(['lock', ...names, '--store', sharedStore], at);
  return { code, text: at.text() };
}

test('a package is locked to what it names and all that it needs, for the board', async () => {
  writePackage('zlib', ['debs: [zlib1g]']);
  const { code, text } = await lock('zlib');
  expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('+ zlib1g') });
  const { debs, requested, architecture } = lockOf('zlib');
  expect({ requested, architecture }).toEqual({ requested: ['zlib1g'], architecture: 'arm64' });
  expect(debs.map(({ name }) => name)).toEqual(['gcc-14-base', 'libc6', 'libgcc-s1', 'zlib1g']);
  for (const deb of debs) expect(deb.path).toMatch(/^pool\/.*_arm64\.deb$/);
});

test('without dependencies a package is locked to exactly what it names', async () => {
  writePackage('libc', ['debs: [libc6]', 'deps: false']);
  await lock('libc');
  expect(lockOf('libc').debs.map(({ name }) => name)).toEqual(['libc6']);
});

test('locking again changes nothing when there is nothing new', async () => {
  writePackage('libc', ['debs: [libc6]', 'deps: false']);
  await lock('libc');
  const before = readFileSync(lockPath('libc'), 'utf8');
  const { text } = await lock('libc');
  expect(text).toContain('libc: 1 debs, as before');
  expect(readFileSync(lockPath('libc'), 'utf8')).toBe(before);
});

test('a name that is not there is told at its place, with the nearest one, and no lock is written', async () => {
  writePackage('good', ['debs: [libc6]', 'deps: false']);
  writePackage('wrong', ['debs: [zlib1g, libc7]']);
  const { code, text } = await lock('good', 'wrong');
  expect(code).not.toBe(0);
  expect(text).toContain("package.yaml:3:16: error: there is no package 'libc7' in these suites");
  expect(text).toMatch(/did you mean 'libc[0-9a-z]*'\?/);
  expect(() => lockOf('good')).toThrow();
});

test('debs that do not go together are told in the words of apt', async () => {
  writePackage('both', ['debs: [systemd-sysv, sysvinit-core]']);
  const { code, text } = await lock('both');
  expect(code).not.toBe(0);
  expect(text).toContain('archive/unresolvable');
  expect(text).toMatch(/note: .*systemd-sysv/);
});

/** A lock as it would be after its versions have left the archive. */
function aged(lock: DebsLock): DebsLock {
  const debs = lock.debs.map((deb) => ({
    ...deb,
    version: '0.1',
    path: deb.path.replace(/[^/]+$/, `${deb.name}_0.1_${deb.architecture}.deb`),
    sha256: '0'.repeat(64),
  }));
  return { ...lock, snapshot: '20200101T000000Z', debs };
}

async function relock(name: string, options: { frozen?: boolean } = {}) {
  const events: Event[] = [];
  const globals = { json: false, verbose: false, quiet: false, color: false, keepGoing: false, offline: false };
  const context = createContext(host(), { ...globals, frozen: false, explain: false, store: sharedStore, ...options });
  const locked = await lockVanished(context, openProject(context), [name], (event) => events.push(event));
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.diagnostic] : []));
  return { locked, warnings };
}

test('a package whose files are gone is locked anew by apt, with a warning that says what is new', async () => {
  writePackage('libc', ['debs: [libc6]', 'deps: false']);
  await lock('libc');
  const now = lockOf('libc');
  writeFileSync(lockPath('libc'), formatLock(aged(now)));
  const { locked, warnings } = await relock('libc');
  expect(locked).toEqual(['libc']);
  expect(warnings).toMatchObject([
    { code: 'archive/relocked', notes: [{ message: `libc6 0.1 -> ${now.debs[0]?.version}` }] },
  ]);
  expect(lockOf('libc').debs).toEqual(now.debs);
});

test('the tools that apt runs on are locked anew by Node, to what apt would take', async () => {
  const name = 'tools/bootstrap';
  cpSync(join(checkout, 'packages', name), join(project, 'packages', name), { recursive: true });
  await lock(name);
  const now = lockOf(name);
  writeFileSync(lockPath(name), formatLock(aged(now)));
  expect((await relock(name)).locked).toEqual([name]);
  expect(lockOf(name).debs).toEqual(now.debs);
});

test('with --frozen nothing is locked anew', async () => {
  writePackage('libc', ['debs: [libc6]', 'deps: false']);
  await lock('libc');
  const old = formatLock(aged(lockOf('libc')));
  writeFileSync(lockPath('libc'), old);
  expect((await relock('libc', { frozen: true })).locked).toEqual([]);
  expect(readFileSync(lockPath('libc'), 'utf8')).toBe(old);
});
