import { createSign, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { run, start } from '../../src/build/command.ts';
import { throughLoader } from '../../src/build/sandbox.ts';
import { blobPath } from '../../src/oci/layout.ts';
import { type Blob, jsonBlob } from './oci.ts';

/** Debian's docker-registry on this machine, out of its tools tree. It ends when `signal` aborts. */
export interface RunningRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** What it prints about requests. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

export interface RegistryOptions {
  /** The tools tree `tools/registry`. */
  readonly tree: string;
  readonly folder: string;
  /** Of its config.yml: `auth: ...`. */
  readonly auth?: object;
  /** Begin again with what an earlier one kept. */
  readonly data?: string;
}

export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const { tree, folder, auth, data = join(folder, 'data') } = options;
  mkdirSync(folder, { recursive: true });
  const config = {
    version: 0.1,
    log: { accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'of this test' },
    ...(auth && { auth }),
  };
  // JSON is YAML too.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
  const controller = new AbortController();
  const lines: string[] = [];
  let tell: (host: string) => void = () => {};
  const listening = new Promise<string>((found) => {
    tell = found;
  });
  const server = await start({
    argv: [...throughLoader(tree, 'usr/bin/docker-registry'), 'serve', join(folder, 'config.yml')],
    signal: controller.signal,
    channels: 0,
    onLine: (line) => {
      lines.push(line);
      const address = /listening on ([0-9.:]+)/.exec(line)?.[1];
      if (address) tell(address);
    },
  });
  const ended = server.ended.then(() => {
    throw new Error(`the registry did not start: ${lines.join('\n')}`);
  });
  const host = await Promise.race([listening, ended]);
  ended.catch(() => undefined);
  return {
    host,
    lines,
    stop: async () => {
      controller.abort();
      await server.ended;
    },
  };
}

/** Writes a layout with these blobs under an index, for skopeo to read. Every entry but indexes may have a platform. */
export function writeLayout(folder: string, tag: string, root: Blob, blobs: readonly Blob[]): void {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  for (const { bytes, descriptor } of [root, ...blobs]) writeFileSync(join(folder, blobPath(descriptor.digest)), bytes);
  const entry = { ...root.descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } };
  const index = jsonBlob({ schemaVersion: 2, manifests: [entry] }, '');
  writeFileSync(join(folder, 'index.json'), index.bytes);
  writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

/** Pushes an image of a layout with skopeo, whole: all platforms of an index. */
export async function push(tree: string, from: string, to: string, more: readonly string[] = []): Promise<void> {
  const skopeo = throughLoader(tree, 'usr/bin/skopeo');
  const options = ['copy', '--all', '--preserve-digests', '--dest-tls-verify=false', ...more];
  const lines: string[] = [];
  const ended = await run({
    argv: [...skopeo, '--insecure-policy', '--tmpdir', from, ...options, `oci:${from}`, `docker://${to}`],
    signal: new AbortController().signal,
    onLine: (line) => lines.push(line),
  });
  if (ended.code !== 0) throw new Error(`skopeo: ${lines.join('\n')}`);
}

/**
 * A server of tokens as the Distribution project describes it: a JWT for whoever has the password, and for nobody else. Says
 * what was asked of it.
 */
export async function startTokens(key: KeyObject, certificate: string, login: string) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    requests.push(`${url.search} ${request.headers.authorization ?? 'nobody'}`);
    const expected = `Basic ${Buffer.from(login).toString('base64')}`;
    if (request.headers.authorization !== expected) return void response.writeHead(401).end();
    const [, name = '', actions = ''] = (url.searchParams.get('scope') ?? '').split(':');
    const access = [{ type: 'repository', name, actions: actions.split(',') }];
    response.end(JSON.stringify({ token: jwt(key, certificate, url.searchParams.get('service') ?? '', access) }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    requests,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    close: () => new Promise<void>((closed) => server.close(() => closed())),
  };
}

function jwt(key: KeyObject, certificate: string, service: string, access: object): string {
  const now = Math.floor(Date.now() / 1000);
  const x5c = [certificate.replace(/-----[A-Z ]+-----|\s/g, '')];
  const claims = { iss: 'test', sub: 'me', aud: service, exp: now + 60, nbf: now - 60, iat: now, jti: '1', access };
  const text = [{ typ: 'JWT', alg: 'RS256', x5c }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key).toString('base64url')}`;
}
