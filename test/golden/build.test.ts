import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import type { TaskId } from '../../src/graph/task.ts';
import { bootFilesKind } from '../../src/kinds/boot-files.ts';
import { fetchKind } from '../../src/kinds/fetch.ts';
import { installDebsKind } from '../../src/kinds/install-debs.ts';
import { mergeLayersKind } from '../../src/kinds/merge-layers.ts';
import { unpackDebsKind } from '../../src/kinds/unpack-debs.ts';
import { debOf, digestIn, sendBytes, serve } from '../helpers/archive.ts';
import { createBench, task } from '../helpers/builder.ts';
import { tarOf } from '../helpers/layers.ts';
import { runTask } from '../helpers/node-task.ts';

/** What a user is told about recipes that turn out to be wrong only when tasks run. `vitest -u` writes the files anew. */
const folder = join(import.meta.dirname, 'build');

const MIB = 1024 * 1024;

const cases: Readonly<Record<string, () => Promise<string | undefined>>> = {
  'checksum-wrong': () => fetched(Buffer.from('other bytes'), Buffer.from('these bytes')),
  'size-wrong': () => fetched(Buffer.from('more than was said'), Buffer.from('these bytes')),
  'source-gone': () => fetched(undefined, Buffer.from('these bytes')),
  'boot-too-small': () => bootFiles({ 'linux/kernel8.img': Buffer.alloc(9_000_000), 'firmware/start.elf': 's' }),
  'boot-conflict': () => bootFiles({ 'firmware/config.txt': 'one', 'linux/Config.txt': 'another' }),
  'boot-file': () => bootFiles({ 'firmware/a': '', 'linux/kernel@': 'elsewhere' }),
  'root-too-small': async () => merged(['opt/', `opt/big 0644 0:0 = ${'x'.repeat(13_000_000)}`]),
  'duplicate-file': async () => merged(['etc/', 'etc/motd 0644 0:0 = ours'], ['etc/', 'etc/motd 0644 0:0 = theirs']),
  'debs-unmatched': async () =>
    told(
      installDebsKind,
      {
        package: 'libc',
        architecture: 'arm64',
        tars: ['libc6.tar'],
        include: ['usr/lib', 'usr/libexec'],
        exclude: [],
        boot: [],
        sysroot: [],
        links: {},
      },
      { 'tars/libc6.tar': await tarOf(['usr/', 'usr/lib/', 'usr/lib/libc.so.6 0755 0:0 = c']) },
    ),
  'tools-link-taken': () => unpacked({ 'usr/bin/awk': 'mawk' }),
  'tools-link-nowhere': () => unpacked({ 'usr/bin/cc': 'gcc' }),
};

describe('a mistake in a recipe that shows when it is built is explained', () => {
  test.each(Object.entries(cases))('%s', async (name, run) => {
    const text = await run();
    expect(text, 'nothing was wrong').toBeDefined();
    await expect(`${text}\n`).toMatchFileSnapshot(join(folder, `${name}.expected`));
  });
});

/** A download that a server answers with these bytes (or with 404) where others are asked for. */
async function fetched(sent: Buffer | undefined, wanted: Buffer): Promise<string> {
  const server = await serve((request, response) =>
    sent ? sendBytes(request, response, sent) : void response.writeHead(404).end(),
  );
  onTestFinished(() => server.close());
  const bench = createBench();
  const { hash, size } = digestIn(wanted);
  const file = { name: 'a.tar.gz', urls: [`${server.url}/a.tar.gz`], sha256: hash, size };
  const download = task(
    'a:fetch',
    'fetch',
    {},
    {
      params: { files: [file], tree: false },
      outputs: { file: 'file' },
      pool: 'network',
    },
  );
  const result = await bench.build([download], 'a:fetch' as TaskId, {
    kinds: new Map([['fetch', fetchKind as never]]),
  });
  return result.diagnostics.map(formatDiagnostic).join('\n').replaceAll(server.url, 'http://example');
}

function bootFiles(inputs: Readonly<Record<string, string | Buffer>>): Promise<string | undefined> {
  const parts = [
    { name: 'firmware', input: 'firmware' },
    { name: 'linux', input: 'linux' },
  ];
  return told(bootFilesKind, { parts, size: 8 * MIB }, inputs);
}

async function merged(...layers: readonly (readonly string[])[]): Promise<string | undefined> {
  const names = layers.map((_, index) => `layer${index + 1}`);
  const tars = await Promise.all(layers.map(tarOf));
  const parts = names.map((name) => ({
    name,
    input: name,
    permissions: [],
    replace: [],
    recipe: `${name}/package.yaml`,
  }));
  const inputs = Object.fromEntries(names.map((name, index) => [name, tars[index] as Buffer]));
  return told(mergeLayersKind, { layers: parts, permissions: [], ext4: 16 * MIB }, inputs);
}

async function unpacked(links: Readonly<Record<string, string>>): Promise<string | undefined> {
  const deb = await debOf([
    { name: './usr/bin/', type: 'directory' },
    { name: './usr/bin/awk', text: 'awk' },
  ]);
  const params = { debs: ['awk.deb'], exclude: [], files: {}, links, folders: [] };
  return told(unpackDebsKind, params as never, { 'debs/awk.deb': deb });
}

async function told(...run: Parameters<typeof runTask<never>>): Promise<string | undefined>;
async function told<Params>(...run: Parameters<typeof runTask<Params>>): Promise<string | undefined>;
async function told<Params>(...run: Parameters<typeof runTask<Params>>): Promise<string | undefined> {
  return (await runTask(...run)).told;
}
