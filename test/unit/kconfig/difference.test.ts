import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/kconfig/config.ts';
import { addToFragment, askable, changesBetween } from '../../../src/kconfig/difference.ts';
import { parseKconfig } from '../../../src/kconfig/language.ts';

const KCONFIG = `
config NET
	bool "Networking"
	select CRC
config CRC
	tristate
config BACKLOG
	int "How many wait"
	depends on NET
config NAME
	string "Who this is"
`;

const model = parseKconfig(new Map([['Kconfig', KCONFIG]]), 'Kconfig', {});

test('what differs is named with both values, n where it is not set', () => {
  const before = parseConfig('CONFIG_NET=y\nCONFIG_CRC=m\n# CONFIG_USB is not set\n');
  const after = parseConfig('# CONFIG_NET is not set\nCONFIG_CRC=m\nCONFIG_NAME="pi"\n');
  expect(changesBetween(before, after)).toEqual([
    { symbol: 'NAME', before: 'n', after: '"pi"' },
    { symbol: 'NET', before: 'y', after: 'n' },
  ]);
});

test('only symbols with a prompt can be asked for', () => {
  const changes = changesBetween(parseConfig(''), parseConfig('CONFIG_NET=y\nCONFIG_CRC=y\nCONFIG_BACKLOG=4\n'));
  expect(askable(changes, model).map(({ symbol }) => symbol)).toEqual(['BACKLOG', 'NET']);
});

test('a number that went with what it belongs to is not asked for', () => {
  const changes = changesBetween(parseConfig('CONFIG_NET=y\nCONFIG_BACKLOG=4\n'), parseConfig(''));
  expect(askable(changes, model).map(({ symbol }) => symbol)).toEqual(['NET']);
});

test('a fragment keeps its comments and order, takes new values in place and new symbols at the end', () => {
  const fragment = '# The network\nCONFIG_NET=y\n\n# CONFIG_USB is not set\n';
  const changes = [
    { symbol: 'NET', before: 'y', after: 'n' },
    { symbol: 'USB', before: 'n', after: 'm' },
    { symbol: 'NAME', before: 'n', after: '"pi"' },
  ];
  expect(addToFragment(fragment, changes)).toBe(
    '# The network\n# CONFIG_NET is not set\n\nCONFIG_USB=m\nCONFIG_NAME="pi"\n',
  );
});

test('a fragment that is not there yet begins with the first symbol', () => {
  expect(addToFragment('', [{ symbol: 'NET', before: 'n', after: 'y' }])).toBe('CONFIG_NET=y\n');
});
