import { createWriteStream } from 'node:fs';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { type Failure, fail } from '../diagnostic.ts';
import { diskFull, isDiskFull } from './disk-full.ts';

/**
 * The only file that starts processes by execa: each in a process group of its own, which ends as a whole. execa is read
 * with the first of them: a build with nothing to do starts none.
 */

export interface Run {
  readonly argv: readonly string[];
  readonly signal: AbortSignal;
  /** Everything the command prints is written here, if given. */
  readonly log?: string;
  /** Called with each line it prints. */
  readonly onLine?: (line: string) => void;
  readonly folder?: string;
  /** Gives it a descriptor (`LIFE`) whose other end closes when this process ends, however that ends. */
  readonly tied?: boolean;
}

/** How a command ended. `signalled` names the signal that ended it. */
export interface Ended {
  readonly code: number;
  readonly signalled?: string;
  readonly cancelled: boolean;
}

/** Runs a command to its end with no standard input. Cancelling kills its whole group at once. */
export async function run(command: Run): Promise<Ended> {
  const [program, ...rest] = command.argv;
  if (program === undefined) throw new Error('no command');
  const { execa } = await import('execa');
  const child = execa(program, rest, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(command.tied ? (['pipe'] as const) : [])],
    all: true,
    buffer: false,
    reject: false,
    extendEnv: false,
    env: {},
    ...(command.folder !== undefined && { cwd: command.folder }),
  });
  const kill = (): void => killGroup(child.pid);
  command.signal.addEventListener('abort', kill, { once: true });
  if (command.signal.aborted) kill();
  (child.stdio[3] as unknown as Duplex | undefined)?.resume();
  try {
    const log = command.log === undefined ? undefined : createWriteStream(command.log, { flags: 'a' });
    const written = log && new Promise<void>((done) => log.on('close', done).on('error', () => done()));
    const lines = new Lines(command.onLine ?? (() => {}));
    child.all?.on('data', (chunk: Buffer) => {
      log?.write(chunk);
      lines.push(chunk);
    });
    const result = await child;
    lines.end();
    log?.end();
    await written;
    if (result.exitCode === undefined && result.signal === undefined) throw notStarted(program, result);
    return {
      code: result.exitCode ?? 128 + signalNumber(result.signal),
      cancelled: command.signal.aborted,
      ...(result.signal !== undefined && { signalled: result.signal }),
    };
  } finally {
    command.signal.removeEventListener('abort', kill);
  }
}

export interface Start {
  readonly argv: readonly string[];
  readonly signal: AbortSignal;
  /** How many sockets it gets, as its file descriptors 3, 4 ... */
  readonly channels: number;
  /** Leaves it our standard input, for one that looks after the terminal there. */
  readonly terminal?: boolean;
  /** Called with each line it prints. */
  readonly onLine: (line: string) => void;
}

/** A process that runs beside us until it ends by itself or its group is killed. */
export interface Started {
  readonly pid: number;
  readonly channels: readonly Duplex[];
  readonly ended: Promise<Ended>;
}

/** Starts a command that is talked to over sockets. Cancelling kills its whole group at once. */
export async function start(command: Start): Promise<Started> {
  const [program, ...rest] = command.argv;
  if (program === undefined) throw new Error('no command');
  const channels = Array.from({ length: command.channels }, () => 'pipe' as const);
  const { execa } = await import('execa');
  const child = execa(program, rest, {
    detached: true,
    stdio: [command.terminal ? 'inherit' : 'ignore', 'pipe', 'pipe', ...channels],
    all: true,
    buffer: false,
    reject: false,
    extendEnv: false,
    env: {},
  });
  const kill = (): void => killGroup(child.pid);
  command.signal.addEventListener('abort', kill, { once: true });
  if (command.signal.aborted) kill();
  const lines = new Lines(command.onLine);
  child.all?.on('data', (chunk: Buffer) => lines.push(chunk));
  const ended = child.then((result): Ended => {
    lines.end();
    command.signal.removeEventListener('abort', kill);
    return {
      code: result.exitCode ?? 128 + signalNumber(result.signal),
      cancelled: command.signal.aborted,
      ...(result.signal !== undefined && { signalled: result.signal }),
    };
  });
  if (child.pid === undefined) throw new Error(`${program} could not be started`);
  // On Unix, Node makes every extra pipe a socket: readable and writable, whatever its type says.
  return { pid: child.pid, channels: child.stdio.slice(3) as unknown as Duplex[], ended };
}

/** Runs a command and returns what it printed on standard output; throws a `Failure` when it fails. */
export async function capture(argv: readonly string[]): Promise<string> {
  const [program, ...rest] = argv;
  if (program === undefined) throw new Error('no command');
  const { execa } = await import('execa');
  const result = await execa(program, rest, { stdin: 'ignore', reject: false, extendEnv: false, env: {} });
  if (result.failed) throw notStarted(program, result);
  return result.stdout;
}

/** Why a program did not start, or did not do the little that it was to do. */
function notStarted(
  program: string,
  { stderr, originalMessage }: { stderr?: unknown; originalMessage?: string | undefined },
): Failure {
  const said = typeof stderr === 'string' && stderr !== '' ? stderr : (originalMessage ?? 'no reason was given');
  return isDiskFull([said]) ? diskFull() : fail('task/not-started', `${program} could not be run: ${said.trim()}`);
}

/** Runs a command on this terminal until it ends; returns its exit code. */
export async function attach(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const [program, ...rest] = argv;
  if (program === undefined) throw new Error('no command');
  const { execa } = await import('execa');
  const result = await execa(program, rest, { stdio: 'inherit', reject: false, extendEnv: false, env: environment });
  return result.exitCode ?? 128 + signalNumber(result.signal);
}

/** Kills a process group; one that is gone already is as good. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function signalNumber(signal: string | undefined): number {
  return constants.signals[signal as NodeJS.Signals] ?? 0;
}

/** Cuts a stream of bytes into lines; a carriage return starts a line anew, as progress bars do. */
class Lines {
  #rest = Buffer.alloc(0);
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.#emit(bytes.subarray(start, end));
      start = end + 1;
    }
    this.#rest = bytes.subarray(start, Math.min(bytes.length, start + LONGEST));
  }

  end(): void {
    if (this.#rest.length > 0) this.#emit(this.#rest);
  }

  #emit(bytes: Buffer): void {
    const text = bytes.toString().trimEnd();
    this.#onLine(text.slice(text.lastIndexOf('\r') + 1));
  }
}

/** Of a line without end, so much is kept. */
const LONGEST = 64 * 1024;
