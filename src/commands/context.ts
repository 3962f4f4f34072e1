import { resolve } from 'node:path';
import { StorePaths, storeRoot } from '../paths.ts';

/** What a process gives the command line: everything it may touch of the outside, so that a test can be the outside. */
export interface Host {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted with an `Interrupted` when the user wants to stop. */
  readonly signal: AbortSignal;
}

export type Input = NodeJS.ReadableStream & { isTTY?: boolean; isRaw?: boolean; setRawMode?(on: boolean): unknown };
/** `columns` and `rows` are a terminal's, and change with it. */
export type Output = NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };

/** The options that every verb takes. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** False: never colour. True: as the terminal and the environment say. */
  readonly color: boolean;
  /** How many tasks run at once, and how many jobs all compilers share. Absent: as many as there are processors. */
  readonly jobs?: number;
  /** No task is begun while the machine's load average is this or more. Absent: whatever it is. */
  readonly load?: number;
  /** Says in detail why each task runs. */
  readonly explain: boolean;
  readonly keepGoing: boolean;
  readonly offline: boolean;
  readonly frozen: boolean;
  readonly project?: string;
  readonly store?: string;
}

/** What every verb gets. */
export interface Context extends Host {
  readonly options: GlobalOptions;
  /** Where the project is looked for, from here upwards: `--project`, else the working directory. Absolute. */
  readonly folder: string;
  readonly store: StorePaths;
}

/** Why a run is aborted: a signal came. The exit code is the shell's, 128 and the signal's number. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`stopped by ${signal}`);
    this.name = 'Interrupted';
    this.exitCode = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }[signal];
  }
}

export function createContext(host: Host, options: GlobalOptions): Context {
  const store = options.store === undefined ? storeRoot(host.env, host.cwd) : resolve(host.cwd, options.store);
  return { ...host, options, folder: resolve(host.cwd, options.project ?? '.'), store: new StorePaths(store) };
}
