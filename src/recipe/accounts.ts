import { type Diagnostic, didYouMean, type SourceLocation } from '../diagnostic.ts';
import type { Path } from './document.ts';
import type { User } from './model.ts';
import { recipeProblem } from './problem.ts';
import type { BoardRecipe, UserRecipe } from './schema.ts';

export interface Accounts {
  readonly users: ReadonlyMap<string, User>;
  readonly groups: ReadonlyMap<string, number>;
}

/** The groups that every root has, with the numbers that Debian's base-passwd gives them. */
const SYSTEM_GROUPS: Readonly<Record<string, number>> = {
  root: 0,
  daemon: 1,
  sys: 3,
  adm: 4,
  tty: 5,
  disk: 6,
  kmem: 15,
  dialout: 20,
  sudo: 27,
  audio: 29,
  shadow: 42,
  utmp: 43,
  video: 44,
  plugdev: 46,
  users: 100,
  nogroup: 65534,
};

const FIRST_UID = 1000;

type At = (path: Path) => SourceLocation;

/** The users and groups of a board with every default filled in. What does not fit together is added to `problems`. */
export function resolveAccounts(recipe: BoardRecipe, at: At, problems: Diagnostic[]): Accounts {
  const groups = new Map(Object.entries({ ...SYSTEM_GROUPS, ...recipe.groups }));
  const users = new Map<string, User>();
  const given: [string, UserRecipe][] = Object.entries({ root: {}, ...recipe.users });
  const taken = new Set(given.map(([, user]) => user.uid));
  for (const [name, user] of given) {
    const uid = user.uid ?? (name === 'root' ? 0 : freeNumber(taken, groups));
    taken.add(uid);
    users.set(name, { ...user, ...defaults(name, uid, user, groups) });
  }
  problems.push(...userProblems(users, groups, at), ...groupProblems(groups, at));
  return { users, groups };
}

/** A user's own group is made where there is none of its name. */
function defaults(name: string, uid: number, user: UserRecipe, groups: Map<string, number>) {
  const gid = user.gid ?? groups.get(name) ?? uid;
  if (![...groups.values()].includes(gid)) groups.set(name, gid);
  const home = name === 'root' ? '/root' : `/home/${name}`;
  return {
    uid,
    gid,
    groups: user.groups ?? [],
    home: user.home ?? home,
    shell: user.shell ?? '/bin/sh',
    sshKeys: user.sshKeys ?? [],
  };
}

function freeNumber(taken: ReadonlySet<number | undefined>, groups: ReadonlyMap<string, number>): number {
  const used = new Set([...taken, ...groups.values()]);
  let number = FIRST_UID;
  while (used.has(number)) number++;
  return number;
}

function userProblems(users: ReadonlyMap<string, User>, groups: ReadonlyMap<string, number>, at: At): Diagnostic[] {
  const byUid = new Map<number, string>();
  return [...users].flatMap(([name, user]) => {
    const problems = user.groups.flatMap((group, index) => {
      if (groups.has(group)) return [];
      const place = at(['users', name, 'groups', index]);
      const hint = didYouMean(group, groups.keys()) ?? 'give it a number under `groups:`';
      return [recipeProblem('unknown-group', `user '${name}' is in an unknown group '${group}'`, place, hint)];
    });
    const other = byUid.get(user.uid);
    byUid.set(user.uid, name);
    if (other !== undefined) {
      const message = `users '${other}' and '${name}' have one number, ${user.uid}`;
      problems.push(recipeProblem('accounts', message, at(['users', name, 'uid'])));
    }
    if (user.password !== undefined && user.passwordless === true) {
      const message = `user '${name}' has a password and is \`passwordless\``;
      problems.push(recipeProblem('accounts', message, at(['users', name, 'passwordless'])));
    }
    return problems;
  });
}

function groupProblems(groups: ReadonlyMap<string, number>, at: At): Diagnostic[] {
  const byNumber = new Map<number, string>();
  return [...groups].flatMap(([name, number]) => {
    const other = byNumber.get(number);
    byNumber.set(number, name);
    if (other === undefined) return [];
    return [
      recipeProblem('accounts', `groups '${other}' and '${name}' have one number, ${number}`, at(['groups', name])),
    ];
  });
}
