import { expect, test } from 'vitest';
import { parseIdentity } from '../../../src/commands/identity-option.ts';
import { complaint, folderOf } from '../../helpers/recipes.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@home';

test('an identity names what makes a card another one', () => {
  const folder = folderOf({ 'id.pub': `# mine\n${KEY}\n\nfrom="10.0.0.1" ${KEY}\n` });
  expect(parseIdentity('hostname=pi-07,ssh-key=id.pub,country=DE', folder)).toEqual({
    hostname: 'pi-07',
    sshKeys: [KEY, `from="10.0.0.1" ${KEY}`],
    country: 'DE',
  });
});

test('of a passphrase there is only the key that it makes', () => {
  // Test vectors: IEEE 802.11i-2004, H.4.2.
  const psk = 'f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e';
  expect(parseIdentity('wifi=IEEE:password', '/').wifi).toEqual({ ssid: 'IEEE', psk });
  expect(parseIdentity(`wifi=IEEE:${psk.toUpperCase()}`, '/').wifi?.psk).toBe(psk);
});

test('names of networks and passphrases may hold commas and colons', () => {
  const { wifi } = parseIdentity('wifi=a\\:b, c:pass:word, 1,hostname=x', '/');
  expect(wifi?.ssid).toBe('a:b, c');
  expect(wifi?.psk).toBe(parseIdentity('hostname=x,wifi=a\\:b, c:pass:word, 1', '/').wifi?.psk);
  expect(parseIdentity('wifi=open:', '/').wifi).toEqual({ ssid: 'open' });
});

test.each([
  ['name=x', "'name=x' says nothing"],
  ['hostname=a,hostname=b', "'hostname' is given twice"],
  ['hostname=a b', "'a b' is no host name"],
  ['country=Germany', "'Germany' is no country"],
  ['ssh-key=nowhere', 'the SSH key '],
  ['ssh-key=private', 'is a private key'],
  ['ssh-key=other', 'holds no public SSH key'],
  ['wifi=home', 'wifi is given without a passphrase'],
  ['wifi=home:short', 'has 8 to 63 characters'],
  [`wifi=${'x'.repeat(33)}:password`, 'is no name of a Wi-Fi network'],
])('%s is refused', (text, message) => {
  const folder = folderOf({ private: '-----BEGIN OPENSSH PRIVATE KEY-----', other: 'hello' });
  expect(complaint(() => parseIdentity(text, folder))).toContain(message);
});
