/** What kbuild's last step finds wrong with modules (scripts/mod/modpost.c), out of its messages. */
export type ModpostProblem =
  /** A symbol that nothing exports. */
  | { readonly type: 'undefined'; readonly module: string; readonly symbol: string }
  | { readonly type: 'no-license'; readonly module: string }
  /** A symbol that is exported for GPL-compatible modules alone. */
  | { readonly type: 'gpl-only'; readonly module: string; readonly symbol: string }
  /** A symbol of a namespace that the module does not import. */
  | { readonly type: 'namespace'; readonly module: string; readonly symbol: string; readonly namespace: string }
  /** How many further undefined symbols it does not name. */
  | { readonly type: 'more'; readonly count: number }
  | { readonly type: 'other'; readonly message: string };

/** The errors among modpost's lines; of its warnings only that there are more errors. */
export function parseModpost(text: string): ModpostProblem[] {
  return text.split('\n').flatMap((line) => {
    const [, level, message] = /^(ERROR|WARNING): modpost: (.*)$/.exec(line) ?? [];
    if (message === undefined) return [];
    if (level === 'ERROR') return [errorOf(message)];
    const more = /^suppressed (\d+) unresolved symbol/.exec(message);
    return more ? [{ type: 'more', count: Number(more[1]) } as const] : [];
  });
}

function errorOf(message: string): ModpostProblem {
  const missing = /^"([^"]+)" \[(.+)\.ko\] undefined!$/.exec(message);
  if (missing) return { type: 'undefined', module: nameOf(missing[2]), symbol: missing[1] ?? '' };
  const unlicensed = /^missing MODULE_LICENSE\(\) in (.+)\.o$/.exec(message);
  if (unlicensed) return { type: 'no-license', module: nameOf(unlicensed[1]) };
  const gpl = /^GPL-incompatible module (.+)\.ko uses GPL-only symbol '([^']+)'$/.exec(message);
  if (gpl) return { type: 'gpl-only', module: nameOf(gpl[1]), symbol: gpl[2] ?? '' };
  const space = /^module (\S+) uses symbol (\S+) from namespace (\S+), but does not import it\.$/.exec(message);
  if (space) {
    return { type: 'namespace', module: nameOf(space[1]), symbol: space[2] ?? '', namespace: space[3] ?? '' };
  }
  return { type: 'other', message };
}

function nameOf(path = ''): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
