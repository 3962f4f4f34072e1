import { Failure } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import { type Account, formatGroup, formatPasswd, formatShadow } from '../image/accounts.ts';
import type { Board, User } from '../recipe/model.ts';
import { type LayerEntry, layerTask } from './layer.ts';

/** Users of the system that no recipe need name. No one can log in as them. */
const SYSTEM_USERS: readonly Account[] = [
  { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent', shell: '/bin/false', groups: [], hash: '*' },
];

/**
 * The layer of a board's users and groups: etc/passwd, group, shadow, home folders, authorized_keys. Without `password`
 * there is no login by password; an empty one only where the board says `passwordless`.
 */
export function planAccounts(board: Board): Task {
  const named = [...board.users].map(([name, user]) => accountOf(board, name, user));
  const accounts = [...named, ...SYSTEM_USERS.filter(({ name }) => !board.users.has(name))];
  const people = [...board.users].filter(([, user]) => user.home !== '/' && user.home !== '/nonexistent');
  const inputs: Record<string, Input> = {
    passwd: text(formatPasswd(accounts)),
    group: text(formatGroup(board.groups, accounts)),
    shadow: text(formatShadow(accounts)),
  };
  for (const [name, user] of people) {
    if (user.sshKeys.length > 0) inputs[`keys/${name}`] = text(user.sshKeys.map((key) => `${key.trim()}\n`).join(''));
  }
  const entries: LayerEntry[] = [
    { path: 'etc/passwd', type: 'file', mode: '0644', uid: 0, gid: 0, input: 'passwd' },
    { path: 'etc/group', type: 'file', mode: '0644', uid: 0, gid: 0, input: 'group' },
    { path: 'etc/shadow', type: 'file', mode: '0600', uid: 0, gid: 0, input: 'shadow' },
    ...people.flatMap(([name, user]) => homeEntries(name, user)),
  ];
  return layerTask(`${board.name}:accounts`, 'make users and groups', entries, inputs);
}

function accountOf(board: Board, name: string, user: User): Account {
  const { uid, gid, home, shell, groups } = user;
  for (const key of ['home', 'shell'] as const) {
    if (isPlainPath(user[key])) continue;
    const message = `'${user[key]}' is no ${key} of user '${name}': it must be an absolute path without ':' and '..'`;
    throw new Failure({ severity: 'error', code: 'accounts/path', message, at: board.at('users', name, key) });
  }
  for (const key of user.sshKeys) {
    if (/^[^\n]*$/.test(key.trim())) continue;
    const message = `an SSH key of user '${name}' has several lines`;
    const hint = 'give each key as an item of the list';
    throw new Failure({
      severity: 'error',
      code: 'accounts/key',
      message,
      hint,
      at: board.at('users', name, 'sshKeys'),
    });
  }
  return { name, uid, gid, home, shell, groups, hash: user.passwordless ? '' : (user.password ?? '*') };
}

function isPlainPath(path: string): boolean {
  return /^\/[^:\n]*$/.test(path) && !path.split('/').includes('..');
}

/** A home is its user's alone, as sshd and dropbear want it for authorized_keys. */
function homeEntries(name: string, user: User): LayerEntry[] {
  const { uid, gid } = user;
  const home = user.home.split('/').filter(Boolean).join('/');
  const folder: LayerEntry = { path: home, type: 'folder', mode: '0700', uid, gid };
  if (user.sshKeys.length === 0) return [folder];
  return [
    folder,
    { path: `${home}/.ssh`, type: 'folder', mode: '0700', uid, gid },
    { path: `${home}/.ssh/authorized_keys`, type: 'file', mode: '0600', uid, gid, input: `keys/${name}` },
  ];
}

function text(content: string): Input {
  return { from: 'text', text: content };
}
