import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/kconfig/config.ts';
import { mergeRequests, parseFragment } from '../../../src/kconfig/fragment.ts';

test('a fragment asks for values of every type, with the place of each line', () => {
  const text =
    '# why\n\nCONFIG_A=y\r\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=0x80\nCONFIG_E=-1\nCONFIG_F="a \\"b\\" # c"\n';
  const { requests, problems } = parseFragment(text, 'packages/linux/base.config', 'kernel');
  expect(problems).toEqual([]);
  expect(requests.map(({ symbol, value, at }) => `${at.line}:${at.column} ${symbol}=${value}`)).toEqual([
    '3:1 A=y',
    '4:1 B=m',
    '5:3 C=n',
    '6:1 D=0x80',
    '7:1 E=-1',
    '8:1 F="a \\"b\\" # c"',
  ]);
});

test('a later fragment counts, and stands last', () => {
  const first = parseFragment('CONFIG_A=m\nCONFIG_B=y\n', 'first', 'kernel');
  const second = parseFragment('CONFIG_C=y\nCONFIG_A=y\n', 'second', 'kernel');
  expect(mergeRequests([first, second]).map(({ symbol, value, at }) => `${at.file}: ${symbol}=${value}`)).toEqual([
    'first: B=y',
    'second: C=y',
    'second: A=y',
  ]);
});

test('a .config is read as kconfig writes it', () => {
  const text =
    '#\n# Linux/arm64 6.12\n#\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="a=b"\nCONFIG_SENSORS_SHT3x=m\nCONFIG_E=\n';
  expect([...parseConfig(text)]).toEqual([
    ['A', 'y'],
    ['B', 'n'],
    ['C', '"a=b"'],
    ['SENSORS_SHT3x', 'm'],
    ['E', ''],
  ]);
});
