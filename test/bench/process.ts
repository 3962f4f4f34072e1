import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { installation, storeRoot } from '../../src/paths.ts';

/** Starting processes as a person does, and how long they take. */

/** The store whose bytes are used, so that a measurement needs no download. */
export const warmStore = storeRoot(process.env, installation);

/** pibuild as it is installed, with its standard streams in pipes. */
export function pibuild(words: readonly string[], store = warmStore): string[] {
  return [process.execPath, join(installation, 'dist/cli.js'), '--store', store, ...words];
}

export interface Ended {
  /** Milliseconds from the start of the process to its end. */
  readonly took: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; throws with what it said when it fails. */
export async function timed(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const [program = '', ...words] = argv;
  const start = performance.now();
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: '0', ...environment },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    stdout += data;
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data;
  });
  const [code] = await once(child, 'close');
  const took = performance.now() - start;
  if (code !== 0)
    throw new Error(`${argv.join(' ')}\nended with ${code}:\n${stdout.slice(-2000)}${stderr.slice(-4000)}`);
  return { took, stdout, stderr };
}

/** Runs a Node program to its end and also tells how much memory it had at most, in bytes. */
export async function withMemory(argv: readonly string[]): Promise<Ended & { memory: number }> {
  const ended = await timed(argv, { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(TELL_MEMORY)}` });
  const kilobytes = new RegExp(`${MARK} (\\d+)`).exec(ended.stderr)?.[1];
  if (kilobytes === undefined) throw new Error(`no word about memory in:\n${ended.stderr}`);
  return { ...ended, memory: Number(kilobytes) * 1024 };
}

const MARK = 'bench-memory';

const TELL_MEMORY =
  `process.on('exit', () => require('node:fs').writeSync(2, '${MARK} ' + process.resourceUsage().maxRSS + '\\n'))`.replace(
    "require('node:fs')",
    "process.getBuiltinModule('node:fs')",
  );
