import { GitError } from './git-pack.ts';
import { type HttpClient, reasonOf } from './transfer.ts';

/** Git's protocol, version 2, over HTTP (gitprotocol-v2(5), gitprotocol-http(5)): as much of it as one commit takes. */

/**
 * The pack of a commit and of all that is in it, without its history. `progress` hears how many bytes came. Throws
 * `GitError` for what the server says or does not know, and rejects when `signal` aborts.
 */
export async function fetchCommit(
  client: HttpClient,
  url: string,
  commit: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<Buffer> {
  const base = await discover(client, url.replace(/\/+$/, ''), signal);
  const headers = {
    ...VERSION,
    'content-type': 'application/x-git-upload-pack-request',
    accept: 'application/x-git-upload-pack-result',
  };
  const body = [
    ...['command=fetch\n', 'agent=pibuild\n', 'object-format=sha1\n'].map(packet),
    '0001',
    ...['no-progress\n', 'ofs-delta\n', 'deepen 1\n', `want ${commit}\n`, 'done\n'].map(packet),
    '0000',
  ].join('');
  const answer = await ask(client, `${base}/git-upload-pack`, headers, signal, body);
  const reader = packetReader(answer, progress);
  return packOf(reader);
}

const VERSION = { 'git-protocol': 'version=2' };

/** Where the repository is after redirections. A server of version 1 or 0 would understand nothing else. */
async function discover(client: HttpClient, url: string, signal: AbortSignal): Promise<string> {
  const path = '/info/refs?service=git-upload-pack';
  const response = await ask(client, `${url}${path}`, VERSION, signal);
  const text = await response.text();
  if (!text.includes('version 2\n')) {
    throw new GitError(
      text.includes('service=git-upload-pack')
        ? "the server does not speak version 2 of git's protocol"
        : 'there is no git repository that can be read over HTTP',
    );
  }
  return response.url.endsWith(path) ? response.url.slice(0, -path.length) : url;
}

type HttpResponse = Awaited<ReturnType<HttpClient['get']>>;

async function ask(
  client: HttpClient,
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  body?: string,
): Promise<HttpResponse> {
  try {
    const response = await client.get(url, headers, signal, body);
    if (response.ok) return response;
    await response.body?.cancel().catch(() => undefined);
    throw new GitError(`the server answered ${response.status}`);
  } catch (error) {
    if (signal.aborted || error instanceof GitError) throw error;
    throw new GitError(reasonOf(error));
  }
}

/** A line as packets carry it: its length in four hexadecimal digits before it (gitprotocol-common(5)). */
function packet(line: string): string {
  return (Buffer.byteLength(line) + 4).toString(16).padStart(4, '0') + line;
}

/** Lines of packets; `undefined` is one of those without a line (flush, delimiter, end). */
async function* packetReader(
  response: HttpResponse,
  progress: (bytes: number) => void,
): AsyncGenerator<Buffer | undefined> {
  let rest = Buffer.alloc(0);
  let total = 0;
  const chunks = (response.body ?? []) as AsyncIterable<Uint8Array>;
  try {
    for await (const chunk of chunks) {
      total += chunk.length;
      progress(total);
      rest = Buffer.concat([rest, chunk]);
      let at = 0;
      for (;;) {
        if (rest.length - at < 4) break;
        const length = Number.parseInt(rest.toString('latin1', at, at + 4), 16);
        if (Number.isNaN(length)) throw new GitError('the answer is none of git');
        if (rest.length - at < length) break;
        yield length < 4 ? undefined : rest.subarray(at + 4, at + length);
        at += Math.max(length, 4);
      }
      rest = rest.subarray(at);
    }
  } catch (error) {
    if (error instanceof GitError) throw error;
    throw new GitError(reasonOf(error));
  }
  if (rest.length > 0) throw new GitError('the answer ends too early');
}

/** In the section `packfile` a packet's first byte says what it is: 1 the pack, 2 progress, 3 an error. */
async function packOf(packets: AsyncIterable<Buffer | undefined>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let inPack = false;
  for await (const line of packets) {
    if (line === undefined) continue;
    if (line.subarray(0, 4).toString() === 'ERR ') throw new GitError(told(line.subarray(4)));
    if (!inPack) {
      inPack = line.toString('latin1') === 'packfile\n';
      continue;
    }
    if (line[0] === 1) parts.push(Buffer.from(line.subarray(1)));
    if (line[0] === 3) throw new GitError(told(line.subarray(1)));
  }
  if (parts.length === 0) throw new GitError('the server sent no pack');
  return Buffer.concat(parts);
}

function told(line: Buffer): string {
  return `the server said: ${line.toString('utf8').trim()}`;
}
