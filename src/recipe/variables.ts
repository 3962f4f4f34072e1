import type { Diagnostic } from '../diagnostic.ts';
import type { Accounts } from './accounts.ts';
import type { Board, User, Variables } from './model.ts';
import { recipeProblem } from './problem.ts';
import { renderKeys } from './render.ts';
import type { BoardRecipe } from './schema.ts';
import { keyPlaceIn, placeIn, plain, type Tree } from './tree.ts';

/** What a board's templates may always name. */
export interface Facts {
  readonly board: string;
  readonly arch: 'arm64';
  readonly kernel: { readonly package: string; readonly version: string };
}

/** What a board without these keys has. */
export const boardDefaults = { version: '0', timezone: 'UTC' };

const RESERVED = [
  'board',
  'arch',
  'kernel',
  'version',
  'timezone',
  'hostname',
  'users',
  'groups',
  'root',
  'partitions',
];
const FIRST = ['version', 'timezone'];
const SECOND = ['hostname', 'variables'];

const HOSTNAME = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/**
 * A board's recipe with its templates filled in, in the order in which they may name each other: the facts, then
 * version and time zone, then host name and variables, then all else.
 */
export function renderBoard(tree: Tree, facts: Facts, problems: Diagnostic[]): { tree: Tree; variables: Variables } {
  const first = renderKeys(tree, (key) => FIRST.includes(key), { ...facts }, problems);
  const { version, timezone } = { ...boardDefaults, ...(plain(first) as BoardRecipe) };
  const early = { ...facts, version, timezone };
  const second = renderKeys(first, (key) => SECOND.includes(key), early, problems);
  const recipe = plain(second) as BoardRecipe;
  problems.push(...reservedNames(recipe, second));
  const variables = { ...recipe.variables, ...early, hostname: hostnameOf(recipe, second, facts.board, problems) };
  const isLate = (key: string) => !FIRST.includes(key) && !SECOND.includes(key);
  return { tree: renderKeys(second, isLate, variables, problems), variables };
}

/** Users and groups as the templates of overlays see them: `{{groups.tty}}`, `{{#each users}}{{@key}} {{uid}}{{/each}}`. */
export function accountVariables({ users, groups }: Accounts): Variables {
  const seen = ([name, { sshKeys, uid, gid, home, shell, groups: further }]: [string, User]) => {
    return [name, { uid, gid, home, shell, groups: further, sshKeys }];
  };
  return { users: Object.fromEntries([...users].map(seen)), groups: Object.fromEntries(groups) };
}

/** The partitions as the templates of overlays see them: `{{partitions.data.number}}`; all have all keys. */
export function partitionVariables({ partitions }: Board['image']): Variables {
  const { data } = partitions;
  const none = { number: '', grow: false };
  return {
    partitions: { boot: { number: 1 }, root: { number: 2 }, data: data ? { number: 3, grow: data.grow } : none },
  };
}

function hostnameOf(recipe: BoardRecipe, tree: Tree, board: string, problems: Diagnostic[]): string {
  const hostname = recipe.hostname ?? board.replace(/[^A-Za-z0-9-]+/g, '-');
  if (!HOSTNAME.test(hostname)) {
    const message = `expected a host name of letters, digits and dashes, got '${hostname}'`;
    problems.push(recipeProblem('bad-value', message, placeIn(tree, ['hostname'])));
  }
  return hostname;
}

function reservedNames(recipe: BoardRecipe, tree: Tree): Diagnostic[] {
  return Object.keys(recipe.variables ?? {}).flatMap((name) => {
    if (!RESERVED.includes(name)) return [];
    const place = keyPlaceIn(tree, ['variables', name]);
    return [recipeProblem('variable', `the variable '${name}' is pibuild's own`, place, 'give it another name')];
  });
}
