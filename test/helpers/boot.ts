import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { expect } from 'vitest';
import { NO_CONNECTION, overSsh } from '../../src/device/ssh.ts';
import { buildWith, checkout, sharedStore, toolsOf } from './tools.ts';

/** pibuild as it is installed, in a process of its own, on real boards. */
export interface Installed {
  /** The folder of the installation; all its processes are killed with it. */
  readonly folder: string;
  /** `environment` is added to this process's own. */
  start(words: readonly string[], project: string, environment?: NodeJS.ProcessEnv): Running;
  /** The command of a start, for one that wraps it. */
  argv(words: readonly string[], project: string): string[];
  /** Starts any command. */
  run(argv: readonly string[], environment?: NodeJS.ProcessEnv): Running;
  remove(): void;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** Everything it printed, errors among it. */
  output(): string;
  /** Waits until it has printed this, after what was waited for before; fails when it ends first. */
  until(text: string | RegExp): Promise<void>;
  type(text: string): void;
  readonly ended: Promise<number | null>;
}

/** Builds pibuild as `npm run build` does, beside links to its recipes. */
export async function install(): Promise<Installed> {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-boot-'));
  for (const name of ['boards', 'packages', 'overlays', 'node_modules']) {
    symlinkSync(join(checkout, name), join(folder, name));
  }
  const bundle = await rolldown({ input: join(checkout, 'src/cli.ts'), platform: 'node' });
  await bundle.write({ dir: join(folder, 'dist'), format: 'esm' });
  const started = new Set<ChildProcessWithoutNullStreams>();
  const argv: Installed['argv'] = (words, project) => [
    process.execPath,
    join(folder, 'dist/cli.js'),
    '-C',
    project,
    ...words,
  ];
  const run: Installed['run'] = (command, environment) => {
    const running = spawned(command, environment);
    started.add(running.child);
    return running;
  };
  return {
    folder,
    argv,
    run,
    start: (words, project, environment) => run(argv(words, project), environment),
    remove: () => {
      for (const child of started) child.kill('SIGKILL');
      for (const pid of processesWith(join(folder, 'dist/cli.js'))) process.kill(pid, 'SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}

function spawned(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
  const [program = '', ...words] = argv;
  const env = { ...process.env, PIBUILD_STORE: sharedStore, FORCE_COLOR: '0', ...environment };
  const child = spawn(program, words, { env });
  let output = '';
  let seen = 0;
  let over = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data;
    });
  }
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(([code]) => {
    over = true;
    return code as number | null;
  });
  const find = (text: string | RegExp): boolean => {
    const rest = output.slice(seen);
    const found = typeof text === 'string' ? rest.indexOf(text) : rest.search(text);
    if (found < 0) return false;
    seen += found + (typeof text === 'string' ? text.length : (text.exec(rest)?.[0].length ?? 0));
    return true;
  };
  return {
    child,
    output: () => output,
    until: async (text) => {
      const limit = Date.now() + 300_000;
      while (!find(text)) {
        if (over && !find(text)) throw new Error(`it ended before it printed ${text}:\n${output}`);
        if (Date.now() > limit) throw new Error(`it did not print ${text}:\n${output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    type: (text) => child.stdin.write(text),
    ended,
  };
}

/** Runs a command over SSH on a board that `pibuild run` has on; what it printed. It is waited for while it starts. */
export async function onGuest(guest: Running, command: string, input = join(checkout, 'LICENSE')): Promise<string> {
  const port = Number(/ssh -p (\d+)/.exec(guest.output())?.[1]);
  const target = { user: 'root', address: '127.0.0.1', port };
  const { signal } = new AbortController();
  for (;;) {
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    tools ??= guestTools();
    const options = { tools: await tools, target, environment: {}, signal, onLine };
    const code = await overSsh(options, command, input);
    const said = lines.join('\n');
    if (code === NO_CONNECTION && /reset|refused|closed|timed out/i.test(said)) continue;
    expect(code, said).toBe(0);
    return said;
  }
}

let tools: ReturnType<typeof guestTools> | undefined;

async function guestTools(): Promise<{ bubblewrap: string; emulator: string }> {
  const names = ['tools/bootstrap', 'tools/emulator'];
  let refs: ReturnType<typeof toolsOf>[] = [];
  const { output } = await buildWith(names, (provides) => {
    refs = names.map((name) => toolsOf(provides(name)));
    return { tasks: [], target: refs[1]?.task ?? '' };
  });
  const [bubblewrap = '', emulator = ''] = await Promise.all(refs.map(({ task, artifact }) => output(task, artifact)));
  return { bubblewrap, emulator };
}

/** A board that is rpi3-minimal with more in its recipe, and a mark in its emulator's arguments to find that by. */
export function markedBoard(recipe = ''): { mark: string; files: Record<string, string> } {
  const mark = `pibuild-test-${randomUUID()}`;
  const board = `board: marked\nextends: rpi3-minimal\nemulator: {arguments: ["-name", "${mark}"]}\n${recipe}`;
  return { mark, files: { 'pibuild.yaml': 'project: boot\n', 'boards/marked/board.yaml': board } };
}

/** The processes that have a word among their arguments. */
export function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && argumentsOf(pid).includes(word));
}

/** Waits until there are some, or none, of the processes with this word. */
export async function expectProcesses(word: string, there: boolean): Promise<void> {
  await expect.poll(() => processesWith(word).length > 0, { timeout: 60_000, interval: 20 }).toBe(there);
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
