/** A user with everything decided. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  /** Names of further groups. */
  readonly groups: readonly string[];
  /** What stands in shadow(5): a crypt(3) hash, '' for no password at all, `*` for no login by password. */
  readonly hash: string;
}

/** The text of passwd(5), by number. */
export function formatPasswd(accounts: readonly Account[]): string {
  return byNumber(accounts, ({ uid }) => uid)
    .map(({ name, uid, gid, home, shell }) => `${name}:x:${uid}:${gid}:${name}:${home}:${shell}\n`)
    .join('');
}

/** The text of shadow(5). Passwords do not age: the days are left empty. */
export function formatShadow(accounts: readonly Account[]): string {
  return byNumber(accounts, ({ uid }) => uid)
    .map(({ name, hash }) => `${name}:${hash}::0:99999:7:::\n`)
    .join('');
}

/** The text of group(5), by number, with each group's further members. */
export function formatGroup(groups: ReadonlyMap<string, number>, accounts: readonly Account[]): string {
  return byNumber([...groups], ([, gid]) => gid)
    .map(([name, gid]) => {
      const members = accounts.filter((account) => account.groups.includes(name)).map((account) => account.name);
      return `${name}:x:${gid}:${members.sort().join(',')}\n`;
    })
    .join('');
}

function byNumber<T>(items: readonly T[], number: (item: T) => number): T[] {
  return [...items].sort((a, b) => number(a) - number(b));
}
