import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatLock, lockChanges, writeLock } from '../../../src/archive/lock-file.ts';
import { Failure } from '../../../src/diagnostic.ts';
import { parseLock } from '../../../src/recipe/lock.ts';
import type { DebsLock, LockedDeb } from '../../../src/recipe/model.ts';

const deb = (name: string, version: string, sha256 = 'a'): LockedDeb => ({
  name,
  version,
  architecture: 'arm64',
  archive: 'debian',
  path: `pool/main/${name}_${version}_arm64.deb`,
  size: 10,
  sha256: sha256.repeat(64),
});

const lock = (...debs: readonly LockedDeb[]): DebsLock => ({
  format: 1,
  distribution: 'debian',
  suites: ['trixie', 'trixie-security'],
  architecture: 'arm64',
  requested: ['libc6'],
  snapshot: '20260102T030405Z',
  debs,
});

test('a lock has a line for each deb, and is read back as it was', () => {
  const text = formatLock(lock(deb('libc6', '2.41-12'), deb('zlib1g', '1:1.3')));
  expect(text.split('\n').filter((line) => line.includes('"name":'))).toHaveLength(2);
  expect(parseLock(Buffer.from(text), 'debs.lock.json')).toEqual(lock(deb('libc6', '2.41-12'), deb('zlib1g', '1:1.3')));
});

test('changes name what is new, what is gone, and what has another version or other bytes', () => {
  const before = lock(deb('a', '1'), deb('b', '1'), deb('c', '1'), deb('d', '1'));
  const after = lock(deb('a', '1'), deb('b', '2'), deb('c', '1', 'b'), deb('e', '1'));
  expect(lockChanges(before, after)).toEqual(['b 1 -> 2', 'c 1 has other bytes', '+ e 1', '- d 1']);
  expect(lockChanges(after, after)).toEqual([]);
  expect(lockChanges(undefined, lock(deb('a', '1')))).toEqual(['+ a 1']);
});

test('a lock is written whole, or not at all', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  writeLock(folder, lock(deb('a', '1')));
  expect(readdirSync(folder)).toEqual(['debs.lock.json']);
  expect(readFileSync(join(folder, 'debs.lock.json'), 'utf8')).toBe(formatLock(lock(deb('a', '1'))));

  const occupied = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  mkdirSync(join(occupied, 'debs.lock.json'));
  expect(() => writeLock(occupied, lock())).toThrow(Failure);
  expect(readdirSync(occupied)).toEqual(['debs.lock.json']);
});
