import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Diagnostic, Failure, fail } from '../diagnostic.ts';
import { socketName } from './running.ts';

/**
 * How other commands speak to the pibuild that has a board on: a socket in the board's folder, which only its owner may
 * open. Each line is a request, and is answered by one line: `{"answer": ...}` or `{"problems": [...]}`.
 */
export type Handler = (request: unknown) => Promise<unknown>;

/** Listens in a folder until what it gives is called. */
export async function serveControl(output: string, handle: Handler): Promise<() => void> {
  const name = socketName(process.pid);
  rmSync(join(output, name), { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, handle);
  });
  await withShortPath(output, name, (path) => {
    return new Promise<void>((done, failed) => {
      server.once('error', failed);
      server.listen({ path }, done);
    });
  });
  server.unref();
  return () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    rmSync(join(output, name), { force: true });
  };
}

export interface ControlLine {
  /** Asks, and gives the answer. Throws a `Failure` with what the other side says, or when it is gone. */
  ask<Answer = unknown>(request: unknown): Promise<Answer>;
  close(): void;
}

/** A line to the pibuild with this number, of a board with this folder. Throws a `Failure` when nobody listens. */
export async function openControl(output: string, pid: number): Promise<ControlLine> {
  const name = socketName(pid);
  const socket = await withShortPath(output, name, (path) => {
    return new Promise<Socket>((done, failed) => {
      const made = connect({ path }, () => done(made));
      made.once('error', failed);
    });
  }).catch(() => undefined);
  if (socket === undefined) throw fail('device/control', 'the pibuild that has the board on does not answer');
  const lines = createInterface({ input: socket });
  const answers = lines[Symbol.asyncIterator]();
  socket.on('error', () => {}).on('close', () => lines.close());
  return {
    ask: async <Answer>(request: unknown) => {
      socket.write(`${JSON.stringify(request)}\n`);
      const next = await answers.next().catch(() => undefined);
      if (next === undefined || next.done) throw fail('device/control', 'the board was switched off meanwhile');
      const { answer, problems } = JSON.parse(next.value) as { answer?: Answer; problems?: Diagnostic[] };
      if (problems !== undefined) throw new Failure(...problems);
      return answer as Answer;
    },
    close: () => socket.destroy(),
  };
}

function serve(socket: Socket, handle: Handler): void {
  // Who leaves before the answer does not want it.
  socket.on('error', () => {});
  socket.unref();
  let turn = Promise.resolve();
  createInterface({ input: socket }).on('line', (line) => {
    turn = turn.then(async () => {
      const reply = await replyTo(line, handle);
      if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
    });
  });
}

async function replyTo(line: string, handle: Handler): Promise<object> {
  try {
    return { answer: (await handle(JSON.parse(line))) ?? null };
  } catch (error) {
    if (error instanceof Failure) return { problems: error.diagnostics };
    const message = `pibuild run could not do it: ${(error as Error).message}`;
    return { problems: [{ severity: 'error', code: 'device/control', message }] };
  }
}

/** A socket's address holds 107 bytes, and a folder's path may be longer: so the folder is named by a descriptor. */
async function withShortPath<T>(folder: string, name: string, action: (path: string) => Promise<T>): Promise<T> {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await action(`/proc/self/fd/${descriptor}/${name}`);
  } finally {
    closeSync(descriptor);
  }
}
