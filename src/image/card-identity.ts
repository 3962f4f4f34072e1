import { fail } from '../diagnostic.ts';

/**
 * What makes one card another than those with the same image: a file on its boot partition, of a fixed size, so that
 * it can be filled in on a card, or in an image, without a change of the filesystem around it. People can edit it, too.
 * The start script `S01identity` of overlays/base reads it.
 */
export interface CardIdentity {
  readonly hostname?: string;
  /** Lines of authorized_keys, for root. */
  readonly sshKeys: readonly string[];
  readonly wifi?: Wifi;
  /** Two letters: which rules for radio hold (ISO 3166-1). */
  readonly country?: string;
}

export interface Wifi {
  readonly ssid: string;
  /** 64 hexadecimal digits; absent: the network is open. */
  readonly psk?: string;
}

export const IDENTITY_FILE = 'identity.txt';
export const IDENTITY_SIZE = 8192;

/** The keys of the file. */
export const identityKeys = ['hostname', 'ssh-key', 'wifi-ssid', 'wifi-psk', 'wifi-country'] as const;
export type IdentityKey = (typeof identityKeys)[number];

const HEAD = `# What makes this card another than those with the same image. It is read at each start; \`pibuild flash --identity\` fills
# it in, and so can an editor: take away the # of a line, and write its value. Of ssh-key there may be several.
`;

/** The file of an image that nobody's identity is in yet, with the keys that this image knows. */
export function blankIdentity(keys: readonly IdentityKey[]): string {
  return padded(HEAD + keys.map((key) => `#${key}=\n`).join(''));
}

/**
 * The file with an identity filled in. `blank` is what the image has.
 *
 * @throws Failure `identity/unknown` for what this image cannot be told, `identity/too-long`
 */
export function fillIdentity(blank: string, identity: CardIdentity): string {
  const values = valuesOf(identity);
  const known = new Set([...blank.matchAll(/^#?([a-z-]+)=/gm)].map(([, key]) => key));
  for (const { key } of values) if (!known.has(key)) throw unknownKey(key);
  const lines = blank.trimEnd().split('\n');
  const given = new Set<string>(values.map(({ key }) => key));
  const kept = lines.filter((line) => !given.has(/^#?([a-z-]+)=/.exec(line)?.[1] ?? ''));
  const text = [...kept, ...values.map(({ key, value }) => `${key}=${value}`)].map((line) => `${line}\n`).join('');
  if (Buffer.byteLength(text) <= IDENTITY_SIZE) return padded(text);
  const message = `an identity has room for ${IDENTITY_SIZE} bytes, not for ${Buffer.byteLength(text)}`;
  throw fail('identity/too-long', message, 'leave out some of the SSH keys, or take short ones (ed25519)');
}

function valuesOf({ hostname, sshKeys, wifi, country }: CardIdentity): { key: IdentityKey; value: string }[] {
  return [
    ...(hostname === undefined ? [] : [{ key: 'hostname' as const, value: hostname }]),
    ...sshKeys.map((value) => ({ key: 'ssh-key' as const, value })),
    ...(wifi === undefined ? [] : [{ key: 'wifi-ssid' as const, value: wifi.ssid }]),
    ...(wifi?.psk === undefined ? [] : [{ key: 'wifi-psk' as const, value: wifi.psk }]),
    ...(country === undefined ? [] : [{ key: 'wifi-country' as const, value: country }]),
  ];
}

function padded(text: string): string {
  return text + '\n'.repeat(Math.max(0, IDENTITY_SIZE - Buffer.byteLength(text)));
}

function unknownKey(key: IdentityKey) {
  if (!key.startsWith('wifi')) return fail('identity/unknown', `this image cannot be given a ${key}`);
  const hint = "add the package 'wpa-supplicant' to the board's `packages`, and build it again";
  return fail('identity/unknown', 'this image has nothing that connects to Wi-Fi', hint);
}
