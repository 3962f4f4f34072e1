import { blankIdentity, IDENTITY_FILE, type IdentityKey, identityKeys } from '../image/card-identity.ts';
import type { Board } from '../recipe/model.ts';

/** The start script that applies an identity, of overlays/base. */
const APPLIED_BY = 'etc/init.d/S01identity';
/** The package that connects to Wi-Fi. */
const WIFI = 'wpa-supplicant';

/** The file of the boot partition that tells a card from others, by its name; none where the board does not read it. */
export function identityFile(board: Board): Readonly<Record<string, string>> {
  if (!board.overlays.some(({ entries }) => entries.some(({ path }) => path === APPLIED_BY))) return {};
  const wifi = board.packages.some(({ value }) => value === WIFI);
  const knows = (key: IdentityKey): boolean => wifi || !key.startsWith('wifi');
  return { [IDENTITY_FILE]: blankIdentity(identityKeys.filter(knows)) };
}
