import { pbkdf2Sync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Failure, fail } from '../diagnostic.ts';
import type { CardIdentity, Wifi } from '../image/card-identity.ts';

const KEYS = ['hostname', 'ssh-key', 'wifi', 'country'];

/**
 * What `--identity hostname=pi-07,ssh-key=FILE,wifi=SSID:PASSPHRASE,country=DE` says. A comma in a value is no end, unless
 * a key follows; a colon in an SSID is written `\:`. Of the passphrase only the key that is made of it gets onto the
 * card.
 *
 * @throws Failure `cli/identity`
 */
export function parseIdentity(text: string, cwd: string): CardIdentity {
  const parts = text.split(new RegExp(`,(?=(?:${KEYS.join('|')})=)`));
  const values = new Map<string, string[]>();
  for (const part of parts) {
    const [, key, value] = /^([a-z-]+)=(.*)$/s.exec(part) ?? [];
    if (key === undefined || value === undefined || !KEYS.includes(key)) throw wrong(`'${part}' says nothing`, USAGE);
    if (key !== 'ssh-key' && values.has(key)) throw wrong(`'${key}' is given twice`);
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  const only = (key: string) => values.get(key)?.[0];
  const [hostname, wifi, country] = [only('hostname'), only('wifi'), only('country')];
  return {
    ...(hostname !== undefined && { hostname: checkedHostname(hostname) }),
    sshKeys: (values.get('ssh-key') ?? []).flatMap((file) => keysIn(resolve(cwd, file))),
    ...(wifi !== undefined && { wifi: wifiOf(wifi) }),
    ...(country !== undefined && { country: checkedCountry(country) }),
  };
}

const USAGE = 'write it like hostname=pi-07,ssh-key=key.pub,wifi=SSID:PASSPHRASE,country=DE';

function checkedHostname(name: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(name)) return name;
  throw wrong(`'${name}' is no host name`, 'letters, digits and dashes, at most 63');
}

function checkedCountry(country: string): string {
  if (/^[A-Z]{2}$/.test(country)) return country;
  throw wrong(`'${country}' is no country`, 'two capital letters, like DE');
}

/** The public keys in a file, one a line. */
function keysIn(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw wrong(`the SSH key ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (/PRIVATE KEY/.test(text)) throw wrong(`${file} is a private key`, `the public one is often ${file}.pub`);
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const bad = keys.find((key) => !/(^|[\s,"])(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ AAAA[A-Za-z0-9+/=]+/.test(key));
  if (keys.length === 0 || bad !== undefined) throw wrong(`${file} holds no public SSH key`);
  return keys;
}

/** IEEE 802.11: an SSID has 1 to 32 bytes; a passphrase has 8 to 63 printable characters of ASCII, a key 64 digits. */
function wifiOf(text: string): Wifi {
  const [, written = '', secret] = /^((?:\\.|[^:\\])*)(?::(.*))?$/s.exec(text) ?? [];
  const ssid = written.replace(/\\(.)/g, '$1');
  const length = Buffer.byteLength(ssid);
  if (length < 1 || length > 32 || /[\0-\x1f\x7f]/.test(ssid)) {
    throw wrong(`'${ssid}' is no name of a Wi-Fi network`, 'it has 1 to 32 bytes, without control characters');
  }
  if (secret === undefined)
    throw wrong('wifi is given without a passphrase', 'SSID:PASSPHRASE, or SSID: when it is open');
  if (secret === '') return { ssid };
  if (/^[0-9a-fA-F]{64}$/.test(secret)) return { ssid, psk: secret.toLowerCase() };
  if (!/^[ -~]{8,63}$/.test(secret)) throw wrong('the passphrase of a Wi-Fi network has 8 to 63 characters of ASCII');
  return { ssid, psk: pbkdf2Sync(secret, ssid, 4096, 32, 'sha1').toString('hex') };
}

function wrong(message: string, hint?: string): Failure {
  return fail('cli/identity', `--identity: ${message}`, hint);
}
