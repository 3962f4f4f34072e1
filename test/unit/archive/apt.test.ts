import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openApt, type RunInTree, snapshotOf } from '../../../src/archive/apt.ts';
import { Failure } from '../../../src/diagnostic.ts';
import { type LoopbackServer, serve } from '../../helpers/archive.ts';

const servers: LoopbackServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A mirror whose suites list these architectures, and have the indices of all or of these. */
async function mirror(suites: Readonly<Record<string, string>>, indices?: string): Promise<LoopbackServer> {
  const server = await serve((request, response) => {
    const index = /\/main\/binary-([^/]+)\/Release$/.exec(request.url ?? '')?.[1];
    if (index !== undefined) {
      response.writeHead(indices === undefined || indices.includes(index) ? 200 : 404).end();
      return;
    }
    const suite = /\/dists\/([^/]+)\/InRelease$/.exec(request.url ?? '')?.[1] ?? '';
    const architectures = suites[suite];
    if (architectures === undefined) response.writeHead(404).end();
    else response.end(`-----BEGIN PGP SIGNED MESSAGE-----\n\nOrigin: Debian\nArchitectures: ${architectures}\n`);
  });
  servers.push(server);
  return server;
}

/** Opens an apt whose commands answer with what `answers` has for them; what is not there succeeds silently. */
async function open(
  environment: Record<string, string>,
  answers: Readonly<Record<string, string | { code: number; output: string }>>,
  scope: Partial<Parameters<typeof openApt>[0]> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  const commands: string[] = [];
  const run: RunInTree = async ([, , ...argv]) => {
    const command = argv.filter((word) => word !== '--' && word !== '--yes').join(' ');
    commands.push(command);
    const answer = answers[command] ?? '';
    return typeof answer === 'string' ? { code: 0, output: answer } : answer;
  };
  const defaults = { snapshots: {}, mirrors: {} };
  const mirrors = { environment, aptFiles: [], mirrorList: () => undefined, defaults };
  const whole = {
    distribution: 'debian',
    suites: ['trixie'],
    components: ['main'],
    architecture: 'arm64',
    ...scope,
  } as const;
  const apt = await openApt(whole, { run, mirrors, folder, signal: new AbortController().signal, log: () => {} });
  return { apt, commands, sources: readFileSync(join(folder, 'etc/sources.list'), 'utf8') };
}

async function told(action: Promise<unknown>): Promise<Failure['diagnostics']> {
  try {
    await action;
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics;
    throw error;
  }
  throw new Error('nothing was told');
}

test('what apt resolves becomes locked debs, by name, each with the archive it is in', async () => {
  const { url } = await mirror({ trixie: 'amd64 arm64', 'trixie-security': 'amd64 arm64' });
  const environment = { PIBUILD_DEBIAN_MIRROR: `${url}/debian` };
  const { apt, sources } = await open(
    environment,
    {
      'apt-get install --print-uris zlib1g': [
        'Reading package lists...',
        `'${url}/debian-security/pool/updates/main/z/zlib/zlib1g_1.3%2breally1-1_arm64.deb' zlib1g_1%3a1.3+really1-1_arm64.deb 10 SHA256:x`,
        `'${url}/debian/pool/main/g/glibc/libc6_2.41-12_arm64.deb' libc6_2.41-12_arm64.deb 20 SHA256:y`,
      ].join('\n'),
      'apt-cache show zlib1g=1:1.3+really1-1 libc6=2.41-12': [
        `Package: libc6\nVersion: 2.41-12\nFilename: pool/main/g/glibc/libc6_2.41-12_arm64.deb\nSize: 20\nSHA256: ${'b'.repeat(64)}\n`,
        `Package: zlib1g\nFilename: pool/updates/main/z/zlib/zlib1g_1.3+really1-1_arm64.deb\nSize: 10\nSHA256: ${'a'.repeat(64)}\n`,
      ].join('\n'),
    },
    { suites: ['trixie', 'trixie-security'] },
  );
  expect(await apt.resolve(['zlib1g'], true)).toEqual([
    {
      name: 'libc6',
      version: '2.41-12',
      architecture: 'arm64',
      archive: 'debian',
      path: 'pool/main/g/glibc/libc6_2.41-12_arm64.deb',
      size: 20,
      sha256: 'b'.repeat(64),
    },
    {
      name: 'zlib1g',
      version: '1:1.3+really1-1',
      architecture: 'arm64',
      archive: 'debian-security',
      path: 'pool/updates/main/z/zlib/zlib1g_1.3+really1-1_arm64.deb',
      size: 10,
      sha256: 'a'.repeat(64),
    },
  ]);
  const options = '[arch=arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
  expect(sources).toBe(
    `deb ${options} ${url}/debian/ trixie main\ndeb ${options} ${url}/debian-security/ trixie-security main\n`,
  );
});

test('a root is resolved base first, and that stays whatever is asked for besides', async () => {
  const { url } = await mirror({ trixie: 'arm64' });
  const uri = (name: string) => `'${url}/debian/pool/${name}_1_arm64.deb' ${name}_1_arm64.deb 10 SHA256:x\n`;
  const record = (name: string) => `Filename: pool/${name}_1_arm64.deb\nSize: 10\nSHA256: ${'a'.repeat(64)}\n`;
  const { apt } = await open(
    { PIBUILD_DEBIAN_MIRROR: `${url}/debian` },
    {
      'apt-get install --print-uris ?essential apt ?priority(required)': uri('dash') + uri('mawk'),
      'apt-get install --print-uris dash mawk gawk': uri('dash') + uri('gawk') + uri('mawk'),
      'apt-cache show dash=1 mawk=1': `${record('dash')}\n${record('mawk')}`,
      'apt-cache show dash=1 gawk=1 mawk=1': `${record('dash')}\n${record('gawk')}\n${record('mawk')}`,
    },
  );
  const debs = await apt.resolveRoot(['gawk', 'dash'], 'minbase');
  expect(debs.map(({ name, base }) => [name, base])).toEqual([
    ['dash', true],
    ['gawk', undefined],
    ['mawk', true],
  ]);
});

test('without dependencies exactly the named debs are asked for', async () => {
  const { url } = await mirror({ trixie: 'arm64' });
  const { apt, commands } = await open({ PIBUILD_DEBIAN_MIRROR: `${url}/debian` }, {});
  await apt.resolve(['libc6'], false);
  expect(commands).toContain('apt-get download --print-uris libc6');
});

test('an unknown package is told with the nearest name', async () => {
  const { url } = await mirror({ trixie: 'arm64' });
  const { apt } = await open(
    { PIBUILD_DEBIAN_MIRROR: `${url}/debian` },
    {
      'apt-get install --print-uris libc7 bash': { code: 100, output: 'E: Unable to locate package libc7\n' },
      'apt-cache pkgnames': 'libc6\nbash\n',
    },
  );
  expect(await told(apt.resolve(['libc7', 'bash'], true))).toEqual([
    {
      severity: 'error',
      code: 'archive/unknown-package',
      message: "there is no package 'libc7' in these suites",
      hint: "did you mean 'libc6'?",
    },
  ]);
});

test("debs that do not go together are told in apt's own words", async () => {
  const { url } = await mirror({ trixie: 'arm64' });
  const output = [
    'Reading package lists...',
    'The following packages have unmet dependencies:',
    ' a : Conflicts: b but 1 is to be installed',
    'E: Unable to correct problems, you have held broken packages.',
  ].join('\n');
  const { apt } = await open(
    { PIBUILD_DEBIAN_MIRROR: `${url}/debian` },
    { 'apt-get install --print-uris a b': { code: 100, output }, 'apt-cache pkgnames': 'a\nb\n' },
  );
  expect(await told(apt.resolve(['a', 'b'], true))).toMatchObject([
    {
      code: 'archive/unresolvable',
      notes: [
        { message: 'The following packages have unmet dependencies:' },
        { message: 'a : Conflicts: b but 1 is to be installed' },
        { message: 'E: Unable to correct problems, you have held broken packages.' },
      ],
    },
  ]);
});

test("an architecture that Ubuntu's main archive does not have is looked for in ports", async () => {
  // Each lists what both have.
  const main = await mirror({ noble: 'amd64 arm64 i386 riscv64' }, 'amd64 i386');
  const ports = await mirror({ noble: 'amd64 arm64 i386 riscv64' }, 'arm64 riscv64');
  const environment = {
    PIBUILD_UBUNTU_MIRROR: `${main.url}/ubuntu`,
    PIBUILD_UBUNTU_PORTS_MIRROR: `${ports.url}/ports`,
  };
  const scope = { distribution: 'ubuntu', suites: ['noble'] } as const;
  expect((await open(environment, {}, scope)).sources).toContain(`${ports.url}/ports/ noble main`);
});

test('a suite that no mirror has is told with what each mirror answered', async () => {
  const { url } = await mirror({ trixie: 'amd64' });
  const environment = { PIBUILD_DEBIAN_MIRROR: `${url}/debian` };
  expect(await told(open(environment, {}))).toMatchObject([
    {
      code: 'archive/no-suite',
      message: "no mirror has 'trixie' for arm64",
      notes: [{ message: `${url}/debian/ (PIBUILD_DEBIAN_MIRROR) has no arm64` }],
    },
  ]);
  expect(await told(open(environment, {}, { suites: ['trixy'] }))).toMatchObject([
    { notes: [{ message: `${url}/debian/ (PIBUILD_DEBIAN_MIRROR) answered 404` }] },
  ]);
});

test('the moment of a lock is written as snapshot services write it', () => {
  expect(snapshotOf(new Date('2026-01-02T03:04:05.678Z'))).toBe('20260102T030405Z');
});
