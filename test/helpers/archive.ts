import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Digest } from '../../src/graph/task.ts';

/** A web server on this machine whose answers a test decides. */
export interface LoopbackServer {
  readonly url: string;
  /** `GET /path`, with the Range if one was asked for, in order. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<LoopbackServer> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const { range } = request.headers;
    requests.push(`${request.method} ${request.url}${range === undefined ? '' : ` ${range}`}`);
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(() => closed());
      }),
  };
}

/** Answers with these bytes, or the part of them that was asked for. */
export function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN);
  if (Number.isNaN(start)) {
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  } else if (start >= bytes.length) {
    response.writeHead(416).end();
  } else {
    const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(206, { 'content-length': bytes.length - start, 'content-range': range });
    response.end(bytes.subarray(start));
  }
}

export function digestIn(bytes: Uint8Array): Digest {
  return { hash: createHash('sha256').update(bytes).digest('hex'), size: bytes.length };
}

/** A member of a tar that a test writes; `type` is tar-stream's word. */
export interface Member {
  readonly name: string;
  readonly type?: 'file' | 'directory' | 'symlink' | 'link' | 'character-device' | 'fifo';
  readonly text?: string;
  readonly mode?: number;
  readonly target?: string;
}

/** A .deb with these members in its data.tar.gz. */
export async function debOf(members: readonly Member[]): Promise<Buffer> {
  return arOf({
    'debian-binary': Buffer.from('2.0\n'),
    'control.tar.gz': gzipSync(await tarOf([{ name: './control', text: 'Package: x\n' }])),
    'data.tar.gz': gzipSync(await tarOf(members)),
  });
}

export function arOf(members: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(members).flatMap(([name, bytes]) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`;
    return [
      Buffer.from(`${header}${String(bytes.length).padEnd(10)}\`\n`),
      bytes,
      Buffer.from(bytes.length % 2 ? '\n' : ''),
    ];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

export async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, type = 'file', text = '', mode = 0o644, target } of members) {
    const header = { name, type, mode, mtime: new Date(0), ...(target !== undefined && { linkname: target }) };
    tar.entry(header as never, text);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
