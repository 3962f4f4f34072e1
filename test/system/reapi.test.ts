import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { commandEnvironment, scriptArguments, scriptText } from '../../src/build/action.ts';
import { projectArtifact } from '../../src/build/tree.ts';
import { type ActionParts, identify } from '../../src/graph/fingerprint.ts';
import { digestOf } from '../../src/graph/reapi.ts';
import type { Artifact, Task } from '../../src/graph/task.ts';
import { commandTask } from '../../src/kinds/command.ts';
import { quote } from '../../src/kinds/script.ts';
import { buildWith, checkout, toolsOf } from '../helpers/tools.ts';

/**
 * The digests of trees and Actions are those of another implementation of the Remote Execution API: Debian's buildbox.
 * `casupload` hashes trees; `trexe` puts Actions together and has `buildbox-run` carry them out with `buildbox-casd` as
 * its server, all in one sandbox without a network.
 */

const project = join(checkout, 'test/fixtures/reapi');

beforeEach(async (context) => {
  const made = await buildWith(['reapi'], () => ({ tasks: [], target: 'reapi:unpack' }), { folder: project });
  // Debian's testing changes daily, and its snapshot service may be out of reach.
  const gone = made.diagnostics.find(({ code }) => code === 'archive/vanished' || code === 'archive/unreachable');
  context.skip(gone !== undefined, `buildbox cannot be downloaded any more: pibuild lock reapi in ${project}`);
});

/** Runs a script with buildbox's programs; returns what it left in `out/said`, and the build. */
async function buildbox(script: string, inputs: Task['inputs'], outputs: Task['outputs'] = {}) {
  const made = await buildWith(
    ['reapi', 'tools/build'],
    (provides) => ({
      target: 'test:buildbox',
      tasks: [
        commandTask({
          id: 'test:buildbox',
          title: 'ask buildbox',
          tools: toolsOf(provides('reapi')),
          script: `# ${Math.random()}\n${script}`,
          inputs,
          outputs: { said: 'file', ...outputs },
        }),
      ],
    }),
    { folder: project },
  );
  if (!made.ok)
    throw new Error(made.events.map((event) => (event.type === 'task-output' ? event.line : '')).join('\n'));
  return {
    ...made,
    said: readFileSync(await made.output('test:buildbox', 'said'), 'utf8')
      .trim()
      .split('\n'),
  };
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'pibuild-reapi-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Files by path: text, `!text` for an executable one, `-> target` for a link, `/` for an empty folder. */
function treeOf(entries: Readonly<Record<string, string>>): string {
  const root = folder();
  for (const [path, content] of Object.entries(entries)) {
    const place = join(root, path);
    mkdirSync(content === '/' ? place : dirname(place), { recursive: true });
    if (content === '/') continue;
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), place);
    else writeFileSync(place, content.replace(/^!/, ''));
    if (content.startsWith('!')) chmodSync(place, 0o755);
  }
  return root;
}

const trees: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'an empty folder': { a: '/' },
  'empty folders in folders': { 'a/b/c': '/', 'a/d': '/', z: '' },
  'executable files beside plain ones': { tool: '!#!/bin/sh\n', plain: '#!/bin/sh\n', 'bin/tool': '!x' },
  links: {
    up: '-> ../elsewhere',
    'lib/abs': '-> /etc/passwd',
    'lib/dead': '-> nothing',
    loop: '-> loop',
    to: '-> lib',
  },
  'names in the order of their bytes': { 'a.b': '1', 'a-b': '2', a: '3', B: '4', 'a b': '5', A: '/' },
  'UTF-8 names, where the order of UTF-16 is another one': {
    ä: '1',
    'é/ñ': '2',
    '\uff21': '3',
    '\u{1f600}': '4',
    日本: '-> ä',
  },
  'equal files under several names': { one: 'same', two: 'same', 'three/four': '!same' },
  'a file of many blocks': { large: 'x'.repeat(5_000_001) },
};
test('trees have the digests that casupload gives them', async () => {
  const names = Object.keys(trees);
  const folders = names.map((name) => treeOf(trees[name] ?? {}));
  const inputs = Object.fromEntries(folders.map((path, index) => [`tree${index}`, { from: 'project', path } as const]));
  const { said } = await buildbox(
    `for n in ${names.map((_, index) => index).join(' ')}; do
  casupload --remote=unix:/none --dry-run --output-digest-file=digest "in/tree$n/" > /dev/null
  cat digest >> out/said; echo >> out/said
done`,
    inputs,
  );
  const ours = await Promise.all(folders.map(async (path) => text(await projectArtifact(path))));
  expect(Object.fromEntries(names.map((name, index) => [name, said[index]]))).toEqual(
    Object.fromEntries(names.map((name, index) => [name, ours[index]])),
  );
});

test('a tools tree of thousands of files has the digest that casupload gives it', async () => {
  const { said, artifacts } = await buildbox(
    `find in/tree | wc -l > out/said
casupload --remote=unix:/none --dry-run --output-digest-file=digest in/tree/ > /dev/null; cat digest >> out/said`,
    { tree: buildTree },
  );
  expect(Number(said[0])).toBeGreaterThan(5000);
  expect(said[1]).toBe(text(artifacts.get(buildTree.task)?.[buildTree.artifact] as Artifact));
});

const buildTree = { from: 'task', task: 'tools/build:unpack' as Task['id'], artifact: 'tree' } as const;

/** Starts a server of blobs and results that stages trees without FUSE. */
const SERVER = `
BUILDBOX_STAGER=hardlink buildbox-casd --bind unix:/tmp/casd.sock /tmp/cas > casd.log 2>&1 &
server=$!
for try in $(seq 100); do [ -S /tmp/casd.sock ] && break; sleep 0.1; done
remote=--remote=unix:/tmp/casd.sock
`;

/** The words that have trexe put this Action together over the input root in the file `root`. */
function trexe(parts: Pick<ActionParts, 'arguments' | 'environment' | 'platform' | 'outputPaths' | 'salt'>): string {
  const platform = Object.entries(parts.platform).map(([name, value]) => `${name}=${value}`);
  const words = [
    ...['--cache-only', '--working-dir=work', `--salt=${parts.salt}`],
    ...(platform.length > 0 ? [`--platform-properties=${platform.join(',')}`] : []),
    ...parts.outputPaths.map((path) => `--output-path=${path}`),
    ...Object.entries(parts.environment).map(([name, value]) => `--env=${name}=${value}`),
  ];
  const command = ['--', ...parts.arguments].map(quote).join(' ');
  return `trexe $remote --input-root-digest="$(cat root)" "$@" --result-metadata-file=meta ${words.map(quote).join(' ')} ${command}`;
}

const actions: Readonly<Record<string, Omit<ActionParts, 'files' | 'salt'>>> = {
  // Without a platform trexe writes an empty one, and we none: but all of ours have one.
  plain: { arguments: ['/usr/bin/true'], environment: {}, platform: { ISA: 'x86-64' }, outputPaths: ['out/a'] },
  'variables in the order of their bytes': {
    arguments: ['/usr/bin/env'],
    environment: { b: '2', A: '1', a: '', B: 'x y', _: '=', 'a.b': '3' },
    platform: { OSFamily: 'linux', ISA: 'x86-64' },
    outputPaths: ['out/z', 'out/a', 'out/B', 'out/a/b'],
  },
  'words that are empty, long, or not ASCII': {
    arguments: ['/usr/bin/printf', '', 'zwei Wörter', '日本\n', 'x'.repeat(300)],
    environment: { LANG: 'C.UTF-8', TEXT: 'ä\u{1f600}' },
    platform: { 'pibuild-local': 'true' },
    outputPaths: ['out/ä'],
  },
};

test('Commands and Actions have the digests that trexe gives them', async () => {
  const file: Artifact = { type: 'file', digest: digestOf('#!/bin/sh\n'), executable: true };
  const salt = 'pibuild command@1';
  const ours = Object.values(actions).map(
    (parts) => identify({ ...parts, files: { 'in/tool': file }, salt }).fingerprint,
  );
  const { said } = await buildbox(
    `${SERVER}
mkdir -p tree/work/in; cp in/tool tree/work/in/tool
casupload $remote --output-digest-file=root tree/ > /dev/null
try() { "$@" > /dev/null 2>&1 || true; cat meta >> out/said; echo >> out/said; rm meta; }
${Object.values(actions)
  .map(
    (parts, index) =>
      `action${index}() { ${trexe({ ...parts, salt })}; }\ntry action${index} --buildbox-run=/usr/bin/false`,
  )
  .join('\n')}
kill $server`,
    { tool: { from: 'text', text: '#!/bin/sh\n', executable: true } },
  );
  const names = Object.keys(actions);
  expect(
    Object.fromEntries(names.map((name, index) => [name, JSON.parse(said[index] ?? '').actionDigest.hash])),
  ).toEqual(Object.fromEntries(names.map((name, index) => [name, ours[index]])));
});

test('a task of ours is the same Action for buildbox, which gets the same result out of it', async () => {
  const spec = { script: 'tr a-z A-Z < in/note > out/loud\nid -un > /dev/null || true\n' };
  const inputs = { note: { from: 'text', text: 'said twice\n' } } as const;
  const ours = await buildWith(
    ['reapi'],
    (provides) => ({
      target: 'test:loud',
      tasks: [
        commandTask({
          ...spec,
          id: 'test:loud',
          title: 'say it loud',
          tools: toolsOf(provides('reapi')),
          inputs,
          outputs: { loud: 'file' },
        }),
      ],
    }),
    { folder: project },
  );
  const fingerprint = ours.events.find((event) => event.type === 'task-finished' && event.task === 'test:loud');
  const { said } = await buildbox(
    `${SERVER}
cp -a in/tools tree; chmod -R u+w tree; mkdir -p tree/work/in
cp in/note tree/work/in/note; cp in/script tree/work/task.sh
casupload $remote --output-digest-file=root tree/ > /dev/null
run() { ${trexe({
      arguments: scriptArguments,
      environment: commandEnvironment(spec, 1_767_225_600),
      platform: { OSFamily: 'linux', ISA: 'x86-64' },
      outputPaths: ['out/loud'],
      salt: 'pibuild command@1',
    })}; }
run --buildbox-run=/usr/bin/buildbox-run-hosttools --action-result-json=result
cat meta > out/said; echo >> out/said; cat result >> out/said
kill $server`,
    {
      ...inputs,
      tools: { from: 'task', task: 'reapi:unpack' as Task['id'], artifact: 'tree' },
      script: { from: 'text', text: scriptText(spec) },
    },
  );
  const loud = ours.artifacts.get('test:loud' as Task['id'])?.loud;
  const [meta, result] = said.map((line) => JSON.parse(line));
  expect([meta.actionDigest.hash, result.outputFiles[0].digest.hash]).toEqual([
    fingerprint?.type === 'task-finished' ? fingerprint.fingerprint : '',
    loud?.digest.hash,
  ]);
});

function text({ digest }: Artifact): string {
  return `${digest.hash}/${digest.size}`;
}
