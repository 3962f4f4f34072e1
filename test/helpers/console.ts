import { spawn } from 'node:child_process';
import { Duplex, PassThrough, type Transform } from 'node:stream';
import { type Console, openConsole } from '../../src/device/console.ts';

/** A guest that a test plays: what it says goes to the console, what was typed can be read. */
export interface PlayedGuest {
  readonly stream: Duplex;
  say(text: string | Buffer): void;
  readonly typed: () => string;
  end(): void;
}

export function playedGuest(): PlayedGuest {
  const said = new PassThrough();
  const typed: string[] = [];
  const stream = Duplex.from({
    readable: said,
    writable: async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) typed.push(chunk.toString());
    },
  });
  return { stream, say: (text) => said.write(text), typed: () => typed.join(''), end: () => said.end() };
}

/** A console on a stream, with time limits as they are given. */
export function consoleOn(stream: Duplex, signal = new AbortController().signal): Console {
  return openConsole(stream, { pace: { scale: 1 }, signal });
}

/** A real shell as the guest; `noise` changes what it prints on its way to the console. */
export function shellGuest(noise: Transform = new PassThrough()): { stream: Duplex; end(): void } {
  const child = spawn('sh', ['-c', 'exec 2>&1; exec sh'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout.pipe(noise) });
  stream.on('error', () => {});
  return { stream, end: () => child.kill('SIGKILL') };
}
