import { expect, test } from 'vitest';
import { parseTarget } from '../../../src/device/ssh.ts';
import { complaint } from '../../helpers/recipes.ts';

test.each([
  ['192.168.1.7', { user: 'root', address: '192.168.1.7', port: 22 }],
  ['pi@raspberry.local:2222', { user: 'pi', address: 'raspberry.local', port: 2222 }],
  ['root@[fe80::1%eth0]:22', { user: 'root', address: 'fe80::1%eth0', port: 22 }],
])('%s is a host', (text, target) => {
  expect(parseTarget(text)).toEqual(target);
});

test.each(['', '-oProxyCommand=x', 'a b', 'host:0', 'host:99999', 'user@', '@host', '[::1'])('%j is none', (text) => {
  expect(complaint(() => parseTarget(text))).toContain('is no host');
});
