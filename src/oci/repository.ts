import type { Response } from 'undici';
import { type HttpClient, openHttpClient, reasonOf, type TransferTimes } from '../archive/transfer.ts';
import type { Diagnostic } from '../diagnostic.ts';
import { dockerCredentials, type FindCredentials } from './credentials.ts';
import { type LoginClient, withLogin } from './login.ts';
import { acceptedManifests } from './media-types.ts';
import { endpointsOf, mirrorVariable } from './mirrors.ts';

/** A repository of a registry, over the pull part of the OCI Distribution Specification 1.1. */
export interface Repository {
  readonly registry: string;
  readonly name: string;
  /** `https://host/v2/team/app`, the likeliest first. */
  readonly endpoints: readonly string[];
  /** What asks there: it logs in where it must, and knows what manifests are. */
  client(times: TransferTimes): Promise<HttpClient>;
  /** What people are told when the last login was of no use; undefined: none was refused. */
  refusal(): Diagnostic[] | undefined;
}

/** Nothing is asked yet. Throws a `Failure` for a mirror that is no address. */
export function openRepository(
  { registry, name }: { readonly registry: string; readonly name: string },
  environment: NodeJS.ProcessEnv,
  credentials: FindCredentials = dockerCredentials(environment),
): Repository {
  const bases = endpointsOf(registry, environment);
  const login = { registry, name, origins: bases.map((base) => new URL(base).origin), credentials };
  let client: LoginClient | undefined;
  return {
    registry,
    name,
    endpoints: bases.map((base) => `${base}/v2/${name}`),
    client: async (times) => {
      client = withLogin(await openHttpClient(times), login);
      return withAccept(client);
    },
    refusal: () => {
      const refused = client?.refusal();
      return refused === undefined ? undefined : [loginProblem(refused, registry)];
    },
  };
}

/** What one answer of a registry came to. */
export type Found =
  | { readonly type: 'found'; readonly bytes: Uint8Array; readonly mediaType?: string; readonly digest?: string }
  /** `code` is one of the specification's: MANIFEST_UNKNOWN, NAME_UNKNOWN. */
  | { readonly type: 'missing'; readonly code?: string }
  | { readonly type: 'trouble'; readonly reason: string };

/** A manifest or a small blob, whole. Rejects only when `signal` aborts, or with a `Failure`. */
export async function read(client: HttpClient, url: string, signal: AbortSignal): Promise<Found> {
  try {
    const response = await client.get(url, {}, signal);
    const bytes = await wholeBody(response);
    if (bytes === undefined) return { type: 'trouble', reason: `answered with more than ${LARGEST} bytes` };
    if (response.status === 404) return missing(bytes);
    if (!response.ok) return { type: 'trouble', reason: `answered ${response.status}` };
    const mediaType = response.headers.get('content-type');
    const digest = response.headers.get('docker-content-digest');
    return { type: 'found', bytes, ...(mediaType && { mediaType }), ...(digest && { digest }) };
  } catch (error) {
    if (signal.aborted || (error as Error).name === 'Failure') throw error;
    return { type: 'trouble', reason: reasonOf(error) };
  }
}

/** Registries may refuse larger manifests (distribution-spec, "Pushing manifests"). */
const LARGEST = 4 * 1024 * 1024;

async function wholeBody(response: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST) return undefined;
  }
  return Buffer.concat(chunks);
}

function missing(bytes: Uint8Array): Found {
  try {
    const { errors } = JSON.parse(new TextDecoder().decode(bytes)) as { errors?: { code?: unknown }[] };
    const code = errors?.[0]?.code;
    return { type: 'missing', ...(typeof code === 'string' && { code }) };
  } catch {
    return { type: 'missing' };
  }
}

/** A registry that is not told what is understood answers with what was understood ten years ago. */
function withAccept(client: HttpClient): HttpClient {
  const accept = acceptedManifests.join(', ');
  return {
    get: (url, headers, signal) =>
      client.get(url, url.includes('/manifests/') ? { ...headers, accept } : headers, signal),
    close: () => client.close(),
  };
}

function loginProblem(refused: string, registry: string): Diagnostic {
  return {
    severity: 'error',
    code: 'oci/login',
    message: refused,
    hint: `log in once by \`docker login ${registry}\` (podman's and skopeo's --authfile work too), or name the folder of a config.json in DOCKER_CONFIG; a mirror that needs none: ${mirrorVariable(registry)}`,
  };
}
