import { describe, expect, test } from 'vitest';
import { unwrap } from '../../../src/diagnostic.ts';
import type { Layer } from '../../../src/image/layer.ts';
import { mergeLayers } from '../../../src/image/layers.ts';
import { rootTar, withAppended } from '../../../src/image/root-tar.ts';
import { encodeHeader, endOfArchive } from '../../../src/image/tar.ts';
import { type ByteSource, bufferSource, tarMembers } from '../../../src/image/tar-reader.ts';
import { layerOf, rootLines } from '../../helpers/layers.ts';
import { type Random, randomOf } from '../../helpers/random.ts';

const SEEDS = Array.from({ length: 30 }, (_, index) => index + 1);

/** A root as lines by path, with a merged /usr and some things of every kind. */
function randomRoot(random: Random): Map<string, string> {
  const lines = new Map([['bin', 'bin -> usr/bin']]);
  const folders = ['', 'usr', 'usr/bin', 'etc', 'usr/bin/more'];
  for (let count = random.below(6); count > 0; count--) folders.push(childOf(random, folders));
  for (const folder of folders)
    if (folder !== '') lines.set(folder, `${folder}/ ${random.pick(['0755 0:0', '0755 0:0', '0700 0:0', '1777 3:4'])}`);
  for (let count = 5 + random.below(20); count > 0; count--) {
    const path = childOf(random, folders);
    if (lines.has(path)) continue;
    const facts = `${random.pick(['0644', '0755', '4755'])} ${random.below(3)}:${random.below(3)}`;
    const text = `${path} ${facts} = ${'x'.repeat(random.below(3000))}${random.below(9)}`;
    lines.set(
      path,
      random.pick([text, text, `${path} -> ${random.pick(folders)}x`, `${path} ${facts} c 1:${random.below(9)}`]),
    );
  }
  return lines;
}

function childOf(random: Random, folders: readonly string[]): string {
  const folder = random.pick(folders);
  return `${folder === '' ? '' : `${folder}/`}${random.pick(['a', 'b', 'c', 'ä', 'n'.repeat(120)])}${random.below(100)}`;
}

/** Deals a root's lines out to layers, each to one or several, some under /bin instead of /usr/bin. */
function deal(random: Random, lines: ReadonlyMap<string, string>): string[][] {
  const layers: string[][] = [[], [], [], []];
  for (const line of lines.values()) {
    const owners = random.shuffled([0, 1, 2, 3]).slice(0, 1 + random.below(3));
    for (const owner of owners) layers[owner]?.push(line);
  }
  return layers.map((layer) => {
    const aliased = !layer.some((line) => line.startsWith('bin ')) && random.chance(0.5);
    return random.shuffled(layer).map((line) => (aliased ? line.replace(/^usr\/bin\//, 'bin/') : line));
  });
}

async function layersOf(dealt: readonly string[][]): Promise<Layer[]> {
  return Promise.all(dealt.map((lines, index) => layerOf(`layer${index}`, lines)));
}

describe('layers dealt out of one root at random', () => {
  test.each(SEEDS)('merge to that root again (seed %i)', async (seed) => {
    const random = randomOf(seed);
    const lines = randomRoot(random);
    const merged = unwrap(mergeLayers(await layersOf(deal(random, lines)), []));
    expect((await rootLines(merged)).sort()).toEqual([...lines.values()].sort());
  });

  test.each(SEEDS)('merge to the same bytes in every order (seed %i)', async (seed) => {
    const random = randomOf(seed);
    const dealt = deal(random, randomRoot(random));
    const archiveOf = async (order: readonly string[][]) => [
      ...rootTar(unwrap(mergeLayers(await layersOf(order), [])), 1),
    ];
    expect(await archiveOf(random.shuffled(dealt))).toEqual(await archiveOf(dealt));
  });

  test.each(SEEDS)('conflict where one copy differs, and nowhere else (seed %i)', async (seed) => {
    const random = randomOf(seed);
    const lines = randomRoot(random);
    const [path, line] = random.pick([...lines].filter(([, entry]) => entry.includes(' = ')));
    const dealt = [...deal(random, lines), [`${line}!`]];
    const merged = mergeLayers(await layersOf(dealt), []);
    expect(merged.ok ? [] : merged.diagnostics.map(({ message }) => message)).toEqual([
      expect.stringMatching(new RegExp(`^'layer[0-3]' and 'layer4' both bring '/${path}' with different content$`)),
    ]);
  });
});

describe('a merged root', () => {
  test('has folders before what is in them, and names in one order', async () => {
    const layers = [await layerOf('a', ['b/c = 1', 'b.d = 2', 'b-e = 3', 'b/a/z = 4', 'a = 5'])];
    const paths = unwrap(mergeLayers(layers, [])).map(({ path }) => path);
    expect(paths).toEqual(['', 'a', 'b', 'b/a', 'b/a/z', 'b/c', 'b-e', 'b.d']);
  });

  test('says which layers bring what', async () => {
    const layers = [
      await layerOf('one', ['etc/', 'etc/a = 1']),
      await layerOf('two', ['etc/a = 1', 'etc/b = 2', 'x/y = 3']),
    ];
    const brought = Object.fromEntries(unwrap(mergeLayers(layers, [])).map(({ path, layers: from }) => [path, from]));
    expect(brought).toEqual({ '': [], etc: ['one'], 'etc/a': ['one', 'two'], 'etc/b': ['two'], x: [], 'x/y': ['two'] });
  });

  test('keeps attributes, and lets layers differ in them no more than in bytes', () => {
    const layerWith = (name: string, value: string): Layer => {
      const xattrs = new Map([['security.capability', Buffer.from(value)]]);
      const header = { path: 'ping', type: 'file' as const, mode: 0o755, uid: 0, gid: 0, size: 0, target: '', xattrs };
      return {
        name,
        source: bufferSource(Buffer.concat([encodeHeader(header, 5), endOfArchive])),
        permissions: [],
        replace: [],
      };
    };
    const root = unwrap(mergeLayers([layerWith('a', '\0\xff'), layerWith('b', '\0\xff')], []));
    const [, ping] = [...tarMembers(bufferSource(Buffer.concat([...rootTar(root, 1)])))];
    expect(ping?.xattrs.get('security.capability')).toEqual(Buffer.from('\0\xff'));
    expect(mergeLayers([layerWith('a', 'x'), layerWith('b', 'y')], [])).toMatchObject({
      diagnostics: [{ message: "'a' and 'b' both bring '/ping' with different attributes" }],
    });
  });

  test('is not held in memory: contents are read when they are written', async () => {
    const reads: number[] = [];
    const layer = await layerOf('a', [`big = ${'x'.repeat(5_000_000)}`]);
    const source: ByteSource = {
      size: layer.source.size,
      read: (into, position) => {
        reads.push(into.length);
        layer.source.read(into, position);
      },
    };
    const root = unwrap(mergeLayers([{ ...layer, source }], []));
    expect(reads.reduce((sum, length) => sum + length)).toBeLessThan(100_000);
    reads.length = 0;
    const pieces = [...rootTar(root, 1)].map(({ length }) => length);
    expect(Math.max(...pieces, ...reads)).toBeLessThanOrEqual(1024 * 1024);
  });

  test('gets lines appended to one of its files, whatever its names', async () => {
    const root = unwrap(
      mergeLayers([await layerOf('a', ['etc/os-release = NAME=x', 'usr/lib/os-release => etc/os-release'])], []),
    );
    const stamped = withAppended(root, 'usr/lib/os-release', '\nBUILD_ID=1\n');
    expect(await rootLines(stamped ?? [])).toEqual([
      'etc/ 0755 0:0',
      'etc/os-release 0644 0:0 = NAME=x\nBUILD_ID=1\n',
      'usr/ 0755 0:0',
      'usr/lib/ 0755 0:0',
      'usr/lib/os-release => etc/os-release',
    ]);
    expect(withAppended(root, 'etc/nothing', 'x')).toBeUndefined();
  });

  test('with a hundred conflicts tells twenty, and how many more there are', async () => {
    const lines = (text: string) => Array.from({ length: 100 }, (_, index) => `f${index} = ${text}`);
    const merged = mergeLayers([await layerOf('a', lines('1')), await layerOf('b', lines('2'))], []);
    const messages = merged.ok ? [] : merged.diagnostics.map(({ message }) => message);
    expect(messages).toHaveLength(21);
    expect(messages.at(-1)).toBe('80 further paths are brought by two layers as different things');
  });
});
