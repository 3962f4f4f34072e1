import type { Response } from 'undici';
import { type HttpClient, reasonOf } from '../archive/transfer.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credentials, FindCredentials } from './credentials.ts';
import { isMap } from './manifest.ts';

export interface RegistryLogin {
  readonly registry: string;
  /** What is asked for: `team/app`. */
  readonly name: string;
  /** The origins of its endpoints: a login is for these alone. */
  readonly origins: readonly string[];
  readonly credentials: FindCredentials;
}

/** A client that logs in where a registry asks for it, and why it could not. */
export interface LoginClient extends HttpClient {
  /** Why the last login was of no use; undefined: none was refused. */
  refusal(): string | undefined;
}

/**
 * Answers a registry's `401`: with a token of the server that it names (the Distribution project's token authentication), or
 * with user and password (Basic). Without credentials a token is asked for anonymously, as public registries want it.
 * Rejects with a `Failure` where the credentials cannot be read.
 */
export function withLogin(client: HttpClient, login: RegistryLogin): LoginClient {
  const headers = new Map<string, string>();
  let refusal: string | undefined;
  return {
    refusal: () => refusal,
    close: () => client.close(),
    async get(url, given, signal) {
      const { origin } = new URL(url);
      if (!login.origins.includes(origin)) return client.get(url, given, signal);
      const known = headers.get(origin);
      const response = await client.get(url, known ? { ...given, authorization: known } : given, signal);
      if (response.status !== 401 && response.status !== 403) return response;
      const header = await answerTo(response, client, login, signal);
      if (typeof header !== 'string') {
        refusal = header.refused;
        return response;
      }
      headers.set(origin, header);
      await response.body?.cancel().catch(() => undefined);
      const again = await client.get(url, { ...given, authorization: header }, signal);
      refusal = again.status === 401 || again.status === 403 ? refusedTo(login) : undefined;
      return again;
    },
  };
}

/** The header that answers a challenge, or why there is none. */
async function answerTo(
  response: Response,
  client: HttpClient,
  login: RegistryLogin,
  signal: AbortSignal,
): Promise<string | { refused: string }> {
  const challenges = parseChallenges(response.headers.get('www-authenticate') ?? '');
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.realm !== undefined);
  if (bearer) return tokenFor(bearer, client, login, signal);
  const credentials = login.credentials(login.registry);
  if (challenges.some(({ scheme }) => scheme === 'basic')) {
    if (credentials && 'user' in credentials) return basic(credentials);
    return { refused: `'${login.registry}' wants a login` };
  }
  return { refused: refusedTo(login) };
}

async function tokenFor(
  { parameters }: Challenge,
  client: HttpClient,
  login: RegistryLogin,
  signal: AbortSignal,
): Promise<string | { refused: string }> {
  const { realm = '', service } = parameters;
  if (!URL.canParse(realm)) return { refused: `'${login.registry}' names '${realm}' as where tokens come from` };
  const credentials = login.credentials(login.registry);
  const address = new URL(realm);
  if (service !== undefined) address.searchParams.set('service', service);
  address.searchParams.set('scope', `repository:${login.name}:pull`);
  // As docker's: a password goes over plain http only where the registry itself is reached so.
  const safe = address.protocol === 'https:' || login.origins.some((origin) => origin.startsWith('http:'));
  if (credentials && !safe) return { refused: `'${login.registry}' wants its password sent without encryption` };
  if (credentials && 'identityToken' in credentials) {
    return { refused: `'${login.registry}' was logged in to with an identity token, which pibuild does not exchange` };
  }
  try {
    const response = await client.get(address.href, credentials ? { authorization: basic(credentials) } : {}, signal);
    if (!response.ok) {
      await response.body?.cancel().catch(() => undefined);
      const refused = credentials ? `${address.host} refused the login of '${login.registry}'` : refusedTo(login);
      return { refused };
    }
    const answer = await response.json();
    const token = isMap(answer) ? (answer.token ?? answer.access_token) : undefined;
    return typeof token === 'string' ? `Bearer ${token}` : { refused: `${address.host} gave out no token` };
  } catch (error) {
    if (signal.aborted) throw error;
    return { refused: `${address.host}, which gives out the tokens of '${login.registry}', ${reasonOf(error)}` };
  }
}

function refusedTo({ registry, name, credentials }: RegistryLogin): string {
  return credentials(registry)
    ? `'${registry}' refuses '${name}' to this login`
    : `'${registry}' wants a login for '${name}'`;
}

function basic({ user, password }: Extract<Credentials, { user: string }>): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
