import { describe, expect, test } from 'vitest';
import { matcher, treePath } from '../../../src/image/tree-path.ts';

describe('a name of an archive', () => {
  test.each([
    ['./', ''],
    ['.', ''],
    ['./usr/bin/', 'usr/bin'],
    ['usr//./bin', 'usr/bin'],
    ['a..b/..c', 'a..b/..c'],
  ])('%j is the path %j', (name, path) => {
    expect(treePath(name)).toBe(path);
  });

  test.each([
    ['/etc/passwd', 'is absolute'],
    ['../x', 'climbs out of the root'],
    ['a/../b', 'climbs out of the root'],
    ['a\0b', 'holds a NUL'],
    ['x'.repeat(256), 'has a name of more than 255 bytes'],
    ['ä'.repeat(128), 'has a name of more than 255 bytes'],
    ['abcdefg/'.repeat(501), 'is longer than Linux allows'],
  ])('%j is no path', (name, fault) => {
    expect(treePath(name)).toEqual({ fault });
  });
});

describe('a pattern', () => {
  test.each([
    ['etc/motd', ['etc/motd'], ['etc/motd/x', 'etc', 'etc/motdx']],
    ['/etc/motd/', ['etc/motd'], []],
    ['etc/*', ['etc/a', 'etc/a.b'], ['etc/a/b', 'etc', 'xetc/a']],
    ['etc/**', ['etc/a', 'etc/a/b'], ['etc', 'etcx/a']],
    ['**/a', ['a', 'x/a', 'x/y/a'], ['xa', 'a/x']],
    ['etc/**/a', ['etc/a', 'etc/x/y/a'], ['etc/xa']],
    ['a?c', ['abc'], ['ac', 'a/c', 'abbc']],
    ['a.c', ['a.c'], ['abc']],
    ['a+(b)*', ['a+(b)', 'a+(b)c'], ['aab']],
  ])('%j matches by names', (pattern, matching, others) => {
    const matches = matcher(pattern);
    expect(matching.filter((path) => !matches(path))).toEqual([]);
    expect(others.filter(matches)).toEqual([]);
  });
});
