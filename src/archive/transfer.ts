import { createReadStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Response } from 'undici';

/** What one request for a file's bytes came to. */
export type Answer =
  /** Bytes from `start` on; `total` is the whole file's size where the server says it. */
  | {
      readonly type: 'bytes';
      readonly start: number;
      readonly total?: number;
      /** What the server's clock says, in milliseconds since 1970; absent where it does not say, or a cache answered. */
      readonly clock?: number;
      readonly body: AsyncIterable<Uint8Array>;
    }
  /** The server says that there is no such file. */
  | { readonly type: 'gone'; readonly reason: string }
  /** The server will not continue from there. */
  | { readonly type: 'no-range' }
  /** Another time, or another server, may do better. */
  | { readonly type: 'trouble'; readonly reason: string; readonly retryAfter?: number };

/** Reads files from `http:`, `https:` and `file:` URLs, through the proxies that the environment names. */
export interface Transfer {
  /** Asks for the bytes from `offset` on. Rejects only when `signal` aborts. */
  open(url: string, offset: number, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

export interface TransferTimes {
  /** Milliseconds to a connection. */
  readonly connect: number;
  /** Milliseconds without a byte after which a server counts as stalled. */
  readonly stall: number;
}

/** Asks web servers, through the proxies that the environment names. */
export interface HttpClient {
  /**
   * Rejects when the server cannot be reached, or `signal` aborts. Redirects are followed; a login is not told to other hosts.
   * With a body it is a POST.
   */
  get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal, body?: string): Promise<Response>;
  close(): Promise<void>;
}

export async function openHttpClient(times: TransferTimes): Promise<HttpClient> {
  const undici = await import('undici');
  const options = {
    connect: { timeout: times.connect },
    headersTimeout: times.stall,
    bodyTimeout: times.stall,
    // Plain http goes to the proxy as it is: caches (apt-cacher-ng, squid) refuse to tunnel it.
    proxyTunnel: false,
  };
  const direct = new undici.Agent(options);
  const proxied = new undici.EnvHttpProxyAgent(options);
  // Without an https_proxy undici would tunnel https through http_proxy, which nobody asked for.
  const secure = process.env.https_proxy || process.env.HTTPS_PROXY ? proxied : direct;
  return {
    get: (url, headers, signal, body) => {
      const dispatcher = url.startsWith('https:') ? secure : proxied;
      const post = body === undefined ? {} : { method: 'POST', body };
      return undici.fetch(url, { headers, dispatcher, signal, redirect: 'follow', ...post });
    },
    close: async () => {
      await Promise.all([direct.destroy(), proxied.destroy()]);
    },
  };
}

/** A transfer over this client, which closes with it; without one it makes its own. */
export async function openTransfer(times: TransferTimes, given?: HttpClient): Promise<Transfer> {
  const client = given ?? (await openHttpClient(times));
  return {
    open: (url, offset, signal) =>
      url.startsWith('file:') ? Promise.resolve(openFile(url, offset)) : openHttp(client, url, offset, signal),
    close: () => client.close(),
  };
}

/** A URL as it may be printed: without the password. */
export function printable(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^/:@]*):[^/@]*@/, '$1:...@');
}

/** The words for a failed connection or a broken body, without stack and class names. */
export function reasonOf(error: unknown): string {
  const chain: Error[] = [];
  for (let each = error; each instanceof Error && chain.length < 5; each = each.cause) chain.push(each);
  const last = chain.at(-1);
  if (last instanceof AggregateError && last.errors[0] instanceof Error) return reasonOf(last.errors[0]);
  const code = chain.map((each) => (each as NodeJS.ErrnoException).code).find((each) => each !== undefined);
  if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') return 'stopped answering';
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'did not answer';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'host name not found';
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET') return 'closed the connection too early';
  return last?.message || String(error);
}

function openFile(url: string, offset: number): Answer {
  try {
    const path = fileURLToPath(url);
    const { size } = statSync(path);
    if (offset > size) return { type: 'no-range' };
    return { type: 'bytes', start: offset, total: size, body: createReadStream(path, { start: offset }) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { type: 'gone', reason: 'no such file' };
    return { type: 'trouble', reason: reasonOf(error) };
  }
}

async function openHttp(client: HttpClient, url: string, offset: number, signal: AbortSignal): Promise<Answer> {
  try {
    const { address, headers } = withoutCredentials(url);
    // The bytes are what was hashed: no compression on the way.
    headers['accept-encoding'] = 'identity';
    if (offset > 0) headers.range = `bytes=${offset}-`;
    const response = await client.get(address, headers, signal);
    if (response.ok && response.body !== null) {
      const body = Readable.fromWeb(response.body as never);
      // Who reads it is told; when nobody reads any more, a build that is stopped is no reason to end the process.
      body.on('error', () => {});
      return { type: 'bytes', ...extent(response.status, response.headers), ...clockOf(response.headers), body };
    }
    await response.body?.cancel().catch(() => undefined);
    return refusal(response.status, response.headers.get('retry-after'));
  } catch (error) {
    if (signal.aborted) throw error;
    return { type: 'trouble', reason: reasonOf(error) };
  }
}

/** Where the bytes of a good answer start: at 0 unless the server honoured the range. */
function extent(status: number, headers: { get(name: string): string | null }): { start: number; total?: number } {
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  if (status === 206 && range) return { start: Number(range[1]), ...(range[2] !== '*' && { total: Number(range[2]) }) };
  const length = headers.get('content-length');
  return { start: 0, ...(length !== null && { total: Number(length) }) };
}

function clockOf(headers: { get(name: string): string | null }): { clock?: number } {
  const clock = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(clock) || headers.get('age') !== null ? {} : { clock };
}

function refusal(status: number, retryAfter: string | null): Answer {
  if (status === 404 || status === 410) return { type: 'gone', reason: `answered ${status}` };
  if (status === 416) return { type: 'no-range' };
  const seconds = Number(retryAfter ?? Number.NaN);
  return {
    type: 'trouble',
    reason: `answered ${status}`,
    ...(Number.isFinite(seconds) && { retryAfter: seconds * 1000 }),
  };
}

/** fetch refuses URLs with a user and password in them; servers want them in a header anyway. */
function withoutCredentials(url: string): { address: string; headers: Record<string, string> } {
  const parsed = new URL(url);
  if (parsed.username === '') return { address: url, headers: {} };
  const pair = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
  parsed.username = '';
  parsed.password = '';
  return { address: parsed.href, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}
