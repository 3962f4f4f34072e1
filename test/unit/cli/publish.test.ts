import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publish } from '../../../src/commands/publish.ts';
import type { Digest } from '../../../src/graph/task.ts';
import { ProjectPaths } from '../../../src/paths.ts';

let folder: string;
let paths: ProjectPaths;
/** Files by their hash, as a store has them: read-only. */
let asked: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pibuild-publish-'));
  paths = new ProjectPaths(join(folder, 'project'));
  mkdirSync(join(folder, 'store'));
  asked = [];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function stored(bytes: Buffer, hole = 0) {
  const whole = Buffer.concat([bytes, Buffer.alloc(hole), bytes]);
  const hash = createHash('sha256').update(whole).digest('hex');
  writeFileSync(join(folder, 'store', hash), whole);
  chmodSync(join(folder, 'store', hash), 0o444);
  return { type: 'file', digest: { hash, size: whole.length }, executable: false } as const;
}

async function blob({ hash }: Digest): Promise<string> {
  asked.push(hash);
  return join(folder, 'store', hash);
}

const small = { bmap: Buffer.from('<bmap/>'), manifest: Buffer.from('{}') };

function results(image: Buffer, hole = 0) {
  return { image: stored(image, hole), bmap: stored(small.bmap), manifest: stored(small.manifest), formats: new Map() };
}

test('a board leaves its image, checksum, block map and list of contents', async () => {
  const given = results(Buffer.from('an image'));
  const published = await publish(given, 'rpi3', paths, blob);
  const { hash, size } = given.image.digest;
  expect(published).toMatchObject({ image: paths.image('rpi3'), sha256: hash, size, copied: true });
  expect(readdirSync(paths.output('rpi3')).sort()).toEqual([
    '.copies.json',
    'rpi3.img',
    'rpi3.img.bmap',
    'rpi3.img.sha256',
    'rpi3.manifest.json',
  ]);
  expect(readFileSync(paths.checksum('rpi3'), 'utf8')).toBe(`${hash}  rpi3.img\n`);
  expect(readFileSync(paths.blockMap('rpi3'), 'utf8')).toBe('<bmap/><bmap/>');
});

test('the image is a copy that can be written to, with holes where there are only zeros', async () => {
  const given = results(Buffer.alloc(100_000, 'x'), 64 << 20);
  const { image, used } = await publish(given, 'rpi3', paths, blob);
  expect(createHash('sha256').update(readFileSync(image)).digest('hex')).toBe(given.image.digest.hash);
  expect(used).toBeLessThan(1 << 20);
  expect(statSync(image).nlink).toBe(1);
  expect(statSync(image).mode & 0o777).toBe(0o644);
});

test('what did not change is not copied again, what was written to is', async () => {
  const given = results(Buffer.from('an image'));
  await publish(given, 'rpi3', paths, blob);
  asked = [];
  expect(await publish(given, 'rpi3', paths, blob)).toMatchObject({ copied: false });
  expect(asked).toEqual([]);

  writeFileSync(paths.image('rpi3'), 'IT IS NOT an image');
  truncateSync(paths.image('rpi3'), given.image.digest.size);
  expect(await publish(given, 'rpi3', paths, blob)).toMatchObject({ copied: true });
  expect(asked).toEqual([given.image.digest.hash]);
  expect(readFileSync(paths.image('rpi3'), 'utf8')).toBe('an imagean image');
});

test('a new image takes the place of the old one', async () => {
  await publish(results(Buffer.from('old')), 'boards/deep', paths, blob);
  await publish(results(Buffer.from('new')), 'boards/deep', paths, blob);
  expect(readFileSync(paths.image('boards/deep'), 'utf8')).toBe('newnew');
  expect(paths.image('boards/deep')).toMatch(/output\/boards\/deep\/boards-deep\.img$/);
});

test('a folder that cannot be made is told as such', async () => {
  mkdirSync(paths.root);
  writeFileSync(join(paths.root, 'output'), 'in the way');
  await expect(publish(results(Buffer.from('an image')), 'rpi3', paths, blob)).rejects.toMatchObject({
    diagnostics: [{ code: 'output/cannot-write' }],
  });
});
