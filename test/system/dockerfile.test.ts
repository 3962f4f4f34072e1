import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import { fileSource, tarMembers } from '../../src/image/tar-reader.ts';
import { treePath } from '../../src/image/tree-path.ts';
import { imageIn } from '../../src/kinds/service-bundle.ts';
import { runPibuild, serviceLayout } from '../helpers/services.ts';

/** Dockerfiles built by buildah in the sandbox, on our own busybox, and what is told of those that cannot be. */

let project = '';
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'pibuild-system-'));
  writeFileSync(join(project, 'pibuild.yaml'), 'project: dockerfiles\n');
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

function service(name: string, files: Readonly<Record<string, string>>, recipe = 'dockerfile: .'): void {
  const all = { 'package.yaml': `package: ${name}\nkind: service\n${recipe}\n`, ...files };
  for (const [path, text] of Object.entries(all)) {
    const file = join(project, 'packages', name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, path.endsWith('.sh') ? 0o755 : 0o644);
  }
}

/** What a layout's layers bring, the topmost last: `path mode owner`, whiteouts as they are. */
function contents(layout: string): string[][] {
  return imageIn(layout, 'image').layers.map(({ path }) => {
    const source = fileSource(join(layout, path));
    const found = [...tarMembers(source)].map((member) => {
      const { uid, gid, mode } = member;
      return `${treePath(member.path)} ${mode.toString(8)} ${uid}:${gid}`;
    });
    source.close();
    return found;
  });
}

/** What the user is told when a root cannot be made. */
async function told(name: string): Promise<string> {
  const { told: diagnostics } = await serviceLayout(project, name);
  return diagnostics.map(formatDiagnostic).join('\n');
}

const everything = {
  Dockerfile: [
    'ARG WORD=nothing',
    'FROM pibuild/container-base AS build',
    'ARG WORD',
    'WORKDIR /made',
    'RUN echo "$WORD on $(uname -m)" > words && ln words again',
    '',
    'FROM pibuild/container-base',
    'ENV GREETING="hello you" \\',
    '    OTHER=1',
    'COPY --from=build /made /made',
    'COPY say.sh data/ /app/',
    'RUN rm /bin/vi && chmod 700 /app/data.txt && test "$OTHER" = 1',
    'USER 1000:1000',
    'WORKDIR /app',
    'STOPSIGNAL SIGINT',
    'ENTRYPOINT ["/app/say.sh"]',
    'CMD ["again"]',
    '',
  ].join('\n'),
  'say.sh': '#!/bin/sh\necho "$GREETING $1 $(cat /made/words)"\n',
  'data/data.txt': 'data\n',
  '.dockerignore': 'secret\n',
  secret: 'not for images',
};
const recipe = 'dockerfile: {context: ., args: {WORD: arguments}}';

test('COPY, RUN on the board’s processor, stages, arguments and settings make the image, whoever builds it again', async () => {
  service('one', everything, recipe);
  service('two', everything, recipe);
  const [one, two] = [await serviceLayout(project, 'one'), await serviceLayout(project, 'two')];
  expect([one.told, two.told]).toEqual([[], []]);
  // A tree's name is the digest of all that is in it: the other was built by itself, from another folder.
  expect(basename(one.path)).toBe(basename(two.path));
  const { config } = imageIn(one.path, 'one');
  expect(config).toMatchObject({
    env: expect.arrayContaining(['GREETING=hello you', 'OTHER=1']),
    entrypoint: ['/app/say.sh'],
    cmd: ['again'],
    user: '1000:1000',
    workingDir: '/app',
    stopSignal: 'SIGINT',
  });
  const [, made = [], app = [], last = []] = contents(one.path);
  expect(made).toEqual(expect.arrayContaining(['made/words 644 0:0', 'made/again 644 0:0']));
  expect(app).toEqual(expect.arrayContaining(['app/data.txt 644 0:0', 'app/say.sh 755 0:0']));
  expect(last).toEqual(expect.arrayContaining(['usr/bin/.wh.vi 0 0:0', 'app/data.txt 700 0:0']));
  expect([made, app, last].flat().join('\n')).not.toMatch(/secret|package\.yaml|Dockerfile|hosts|resolv/);
}, 300_000);

test('the service runs here, with its output and its exit code', async () => {
  service('one', everything, recipe);
  const { code, text } = await runPibuild(project, ['service', 'run', 'one', '--quiet']);
  expect({ code, text }).toEqual({ code: 0, text: 'hello you again arguments on aarch64\n' });
  const other = await runPibuild(project, [
    'service',
    'run',
    'one',
    '--quiet',
    '--',
    'sh',
    '-c',
    'pwd; ls /bin/vi; exit 7',
  ]);
  expect(other.code).toBe(7);
  expect(other.text).toBe('/app\nls: /bin/vi: No such file or directory\n');
}, 300_000);

test('a service that is stopped is asked to end, and says goodbye', async () => {
  const controller = new AbortController();
  const running = runPibuild(
    project,
    ['service', 'run', 'hello_world', '--quiet'],
    {},
    {
      signal: controller.signal,
      onText: (text) => {
        if (text.includes('hello world')) controller.abort(new Error('stopped'));
      },
    },
  );
  expect((await running).text).toMatch(/^hello world, from process 1 on aarch64\ngoodbye world\n/);
}, 120_000);

const from = 'FROM pibuild/container-base\n';

test.each<[string, Record<string, string>, string | RegExp]>([
  [
    'a command that fails',
    { Dockerfile: `${from}RUN true\nRUN echo trouble >&2; \\\n    exit 3\n` },
    /^error: packages\/bad\/Dockerfile:3: .*exit status 3 \[task\/failed\]\n {2}note: trouble/,
  ],
  [
    'a file that is not there',
    { Dockerfile: `${from}COPY missing /\n` },
    /^error: packages\/bad\/Dockerfile:2: .*missing.*no such file or directory/,
  ],
  [
    'an owner that the sandbox does not have',
    { Dockerfile: `${from}COPY --chown=1000:1000 file /\n`, file: 'x' },
    /Dockerfile:2: [\s\S]*in the sandbox there is one user, root/,
  ],
  [
    'an instruction that there is not',
    { Dockerfile: `${from}COPPY a /\n` },
    "packages/bad/Dockerfile:2:1: error: unknown instruction 'COPPY' [dockerfile/syntax]\n  2 | COPPY a /\n    | ^^^^^",
  ],
  [
    'an instruction that the builder does not understand',
    { Dockerfile: `${from}RUN true\nENV X\n` },
    /^error: packages\/bad\/Dockerfile:3: ENV must have two arguments \[task\/failed\]/,
  ],
  [
    'a base without a registry',
    { Dockerfile: 'FROM alpine:3.20\n' },
    /^packages\/bad\/Dockerfile:1:6: error: 'alpine:3\.20' does not begin with a registry \[oci\/reference\]\n {2}1 \| FROM alpine:3\.20\n {4}\| {6}\^{11}\n/,
  ],
  [
    'a base that was never locked',
    { Dockerfile: 'FROM registry.example/base:1\n' },
    /Dockerfile:1:6: error: image 'registry\.example\/base:1' was never locked[\s\S]*hint: pibuild lock bad/,
  ],
  [
    'a base that is no package',
    { Dockerfile: 'FROM pibuild/nothing\n' },
    /Dockerfile:1:6: error: there is no package 'nothing'/,
  ],
  [
    'a base without a root',
    { Dockerfile: 'FROM pibuild/busybox\n' },
    /Dockerfile:1:6: error: package 'busybox' has no root to begin with/,
  ],
  [
    'no Dockerfile',
    {},
    "packages/bad/package.yaml:3:13: error: there is no 'Dockerfile' in '.' beside the recipe [recipe/missing-file]\n  3 | dockerfile: .\n    |             ^",
  ],
])(
  '%s is told with file and line',
  async (_, files, message) => {
    rmSync(join(project, 'packages/bad'), { recursive: true, force: true });
    service('bad', files);
    const text = await told('bad');
    if (typeof message === 'string') expect(text).toBe(message);
    else expect(text).toMatch(message);
  },
  120_000,
);

test('a link beside the recipe is told, not left out', async () => {
  service('linked', { Dockerfile: `${from}COPY . /\n` });
  symlinkSync('Dockerfile', join(project, 'packages/linked/other'));
  expect(await told('linked')).toMatch(
    /^packages\/linked\/package\.yaml:3:13: error: the link 'other' cannot be copied/,
  );
});

test('a Dockerfile without RUN needs no emulator, and may begin with nothing', async () => {
  service(
    'scratch',
    { 'root/Dockerfile': 'FROM scratch\nCOPY . /etc/\n', 'root/motd': 'from scratch\n' },
    'dockerfile: root',
  );
  const { path, told: diagnostics } = await serviceLayout(project, 'scratch');
  expect(diagnostics).toEqual([]);
  expect(contents(path)).toEqual([['etc 755 0:0', 'etc/Dockerfile 644 0:0', 'etc/motd 644 0:0']]);
  expect(readFileSync(join(path, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
}, 120_000);
