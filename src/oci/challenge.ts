/** What a registry wants before it answers: one challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The challenges of a header, in order. What cannot be read ends them. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header.trim();
  while (rest !== '') {
    const parameter = /^[,\s]*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*/.exec(rest);
    const current = challenges.at(-1);
    if (parameter && current) {
      const [whole, name = '', quoted, bare] = parameter;
      current.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '';
      rest = rest.slice(whole.length);
      continue;
    }
    const scheme = /^[,\s]*([A-Za-z0-9_-]+)(?:\s+|(?=,)|$)/.exec(rest);
    if (!scheme) return challenges;
    challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: {} });
    rest = rest.slice(scheme[0].length);
  }
  return challenges;
}
