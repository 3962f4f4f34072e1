/**
 * Compares two Debian versions as dpkg does (deb-version(7)): below zero when `a` is older. `~` sorts before the end of a
 * part, letters before all other characters, digits as numbers.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Text and number parts in turn: `1.2~rc1` is '', 1, '.', 2, '~rc', 1. */
function compareParts(a: string, b: string): number {
  const [left, right] = [runs(a), runs(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const one = left[at] ?? ['', '0'];
    const other = right[at] ?? ['', '0'];
    const order = compareText(one[0], other[0]) || Number(BigInt(one[1]) - BigInt(other[1]));
    if (order !== 0) return order;
  }
  return 0;
}

function runs(part: string): [text: string, number: string][] {
  return [...part.matchAll(/([^0-9]*)([0-9]*)/g)]
    .filter(([whole]) => whole !== '')
    .map(([, text = '', digits = '']) => [text, digits || '0']);
}

function compareText(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = weight(a[at]) - weight(b[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function weight(character: string | undefined): number {
  if (character === '~') return -1;
  if (character === undefined) return 0;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
