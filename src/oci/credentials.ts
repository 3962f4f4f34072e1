import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fail } from '../diagnostic.ts';
import { isMap } from './manifest.ts';

/** How one logs in to a registry. */
export type Credentials =
  | { readonly user: string; readonly password: string }
  /** What `docker login` keeps where the registry gave out a token of its own instead. */
  | { readonly identityToken: string };

/** Says how one logs in to a registry, by its host; undefined: nobody said. */
export type FindCredentials = (registry: string) => Credentials | undefined;

/**
 * What `docker login`, `podman login` or `skopeo login` left: `config.json` in `DOCKER_CONFIG`, else in `~/.docker`. It is
 * read when the first registry asks for a login.
 *
 * @throws Failure `oci/docker-config` for a file that cannot be read, `oci/credential-helper` where it names a program
 */
export function dockerCredentials(environment: NodeJS.ProcessEnv, home = homedir()): FindCredentials {
  const file = join(environment.DOCKER_CONFIG || join(home, '.docker'), 'config.json');
  let config: Record<string, unknown> | undefined;
  return (registry) => {
    config ??= readConfig(file);
    return credentialsIn(config, registry, file);
  };
}

function readConfig(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw fail('oci/docker-config', `cannot read '${file}': ${message}`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isMap(value)) return value;
  } catch {
    // Told below, without the text: it holds passwords.
  }
  throw fail('oci/docker-config', `'${file}' is not a JSON map`);
}

function credentialsIn(config: Record<string, unknown>, registry: string, file: string): Credentials | undefined {
  const found = entryOf(config.auths, registry);
  if (isMap(found)) {
    if (typeof found.identitytoken === 'string' && found.identitytoken !== '') {
      return { identityToken: found.identitytoken };
    }
    const pair = pairOf(found);
    if (pair) return pair;
  }
  const helper = entryOf(config.credHelpers, registry) ?? (found !== undefined ? config.credsStore : undefined);
  if (typeof helper !== 'string' || helper === '') return undefined;
  throw fail(
    'oci/credential-helper',
    `the login of '${registry}' is kept by the program 'docker-credential-${helper}', which pibuild does not run`,
    `put it into the 'auths' of ${file}, or of a config.json in a folder that DOCKER_CONFIG names`,
  );
}

/** Tools write hosts, or the whole address that was typed. */
function entryOf(map: unknown, registry: string): unknown {
  if (!isMap(map)) return undefined;
  const named = Object.keys(map).find((key) => key === registry || hostOf(key) === registry);
  return named === undefined ? undefined : map[named];
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

function pairOf({ auth, username, password }: Record<string, unknown>): Credentials | undefined {
  if (typeof username === 'string' && typeof password === 'string') return { user: username, password };
  if (typeof auth !== 'string' || auth === '') return undefined;
  const text = Buffer.from(auth, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}
