import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { baseEnvironment, sandboxed } from '../../src/build/sandbox.ts';
import { buildWith, toolsOf } from './tools.ts';

/** Debian's git out of its tools tree, in a sandbox: repositories below one folder, and a server of them. */
export interface Git {
  /** Runs a shell script where the repositories are; what it prints, without the last line break. */
  run(script: string): Promise<string>;
  /** Serves them by git's own http-backend. */
  serve(): Promise<{ url: string; requests: string[]; close(): void }>;
}

export async function openGit(folder: string): Promise<Git> {
  const names = ['tools/bootstrap', 'tools/git'];
  const built = await buildWith(names, (provides) => ({ tasks: [], target: toolsOf(provides('tools/git')).task }));
  const [bubblewrap = '', root = ''] = await Promise.all(names.map((name) => built.output(`${name}:unpack`, 'tree')));
  mkdirSync(folder, { recursive: true });
  const start = (command: readonly string[], more: Readonly<Record<string, string>>) => {
    const people = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.org', GIT_COMMITTER_NAME: 'a' };
    const environment = { ...baseEnvironment, ...people, GIT_COMMITTER_EMAIL: 'a@example.org', ...more };
    const binds = [{ source: folder, target: '/work', writable: true }];
    const [program = '', ...argv] = sandboxed(
      { bubblewrap, root, binds, environment, folder: '/work', network: false },
      command,
    );
    return spawn(program, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  };
  const all = async (child: ReturnType<typeof start>): Promise<Buffer> => {
    const parts: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => parts.push(data));
    await new Promise((ended) => child.on('close', ended));
    return Buffer.concat(parts);
  };
  return {
    run: async (script) => {
      const child = start(['/usr/bin/bash', '-euc', script], {});
      child.stdin.end();
      const printed = await all(child);
      if (child.exitCode !== 0) throw new Error(`git ended with ${child.exitCode}`);
      return printed.toString().trimEnd();
    },
    serve: async () => {
      const requests: string[] = [];
      const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        requests.push(`${request.method} ${request.url}`);
        const { pathname, search } = new URL(request.url ?? '', 'http://localhost');
        const child = start(['/usr/lib/git-core/git-http-backend'], {
          GIT_PROJECT_ROOT: '/work',
          GIT_HTTP_EXPORT_ALL: '1',
          GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
          PATH_INFO: pathname,
          QUERY_STRING: search.slice(1),
          REQUEST_METHOD: request.method ?? '',
          CONTENT_TYPE: request.headers['content-type'] ?? '',
        });
        request.pipe(child.stdin);
        const printed = await all(child);
        const end = printed.indexOf('\r\n\r\n');
        for (const line of printed.toString('latin1', 0, end).split('\r\n')) {
          const [name = '', value = ''] = line.split(/: */);
          if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
          else response.setHeader(name, value);
        }
        response.end(printed.subarray(end + 4));
      };
      const server = createServer((request, response) => void answer(request, response));
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        requests,
        close: () => {
          server.closeAllConnections();
          server.close();
        },
      };
    },
  };
}
