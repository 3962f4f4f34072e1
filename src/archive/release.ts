import { fail } from '../diagnostic.ts';
import type { Digest } from '../graph/task.ts';

/**
 * The indices of a Release file whose signature is good: path below the suite's folder to digest.
 *
 * @param inRelease the text of `dists/<suite>/InRelease`
 * @param keyring the distribution's public keys, binary
 * @throws Failure `archive/bad-signature`, `archive/expired`
 */
export async function verifiedIndices(
  inRelease: string,
  keyring: Uint8Array,
  place: string,
): Promise<ReadonlyMap<string, Digest>> {
  const text = await signedText(inRelease, keyring, place);
  // An old Release file, well signed, would bring back what was since found to be unsafe.
  const validUntil = Date.parse(/^Valid-Until: (.*)$/m.exec(text)?.[1] ?? '');
  if (validUntil < Date.now()) {
    throw fail(
      'archive/expired',
      `${place} was valid until ${new Date(validUntil).toUTCString()}`,
      'use another mirror',
    );
  }
  const section = /^SHA256:\n((?: .*\n?)+)/m.exec(text)?.[1] ?? '';
  const lines = [...section.matchAll(/^ ([0-9a-f]{64}) +([0-9]+) (\S+)$/gm)];
  return new Map(lines.map(([, hash = '', size = '', path = '']) => [path, { hash, size: Number(size) }]));
}

/** The text that at least one key of the keyring has signed; expired and revoked keys count for nothing. */
async function signedText(inRelease: string, keyring: Uint8Array, place: string): Promise<string> {
  const openpgp = await import('openpgp');
  const reasons: string[] = [];
  try {
    const message = await openpgp.readCleartextMessage({ cleartextMessage: inRelease });
    const keys = await openpgp.readKeys({ binaryKeys: keyring });
    const { signatures, data } = await openpgp.verify({ message, verificationKeys: keys });
    for (const { verified } of signatures) {
      try {
        if (await verified) return data.replaceAll('\r\n', '\n');
      } catch (error) {
        reasons.push((error as Error).message);
      }
    }
  } catch (error) {
    reasons.push((error as Error).message);
  }
  throw fail('archive/bad-signature', `${place} is not signed by the distribution: ${reasons[0] ?? 'no signature'}`);
}

/** A record of a Packages index. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** The records of a Packages index of the packages named. */
export function parsePackages(text: string, names: ReadonlySet<string>): PackageRecord[] {
  const records: PackageRecord[] = [];
  for (const block of text.split(/\n\n+/)) {
    const name = /^Package: (.*)$/m.exec(block)?.[1] ?? '';
    if (!names.has(name)) continue;
    const field = (key: string): string => new RegExp(`^${key}: (.*)$`, 'm').exec(block)?.[1] ?? '';
    records.push({
      name,
      version: field('Version'),
      architecture: field('Architecture'),
      path: field('Filename'),
      size: Number(field('Size')),
      sha256: field('SHA256'),
    });
  }
  return records;
}
