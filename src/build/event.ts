import type { Diagnostic } from '../diagnostic.ts';
import type { Fingerprint, Task, TaskId } from '../graph/task.ts';

/** Everything that can happen in a build. Reporters (`report/`) turn events into text; nothing else prints. */
export type Event =
  | BuildStarted
  | TaskStarted
  | TaskOutput
  | TaskProgress
  | TaskFinished
  | TaskFailed
  | StoreDamaged
  | Waiting
  | Warning
  | BuildFinished
  | ImageReady
  | Failed;

/** Planning is done; `tasks` is how many the targets need, run or not. */
export interface BuildStarted {
  type: 'build-started';
  at: number;
  targets: readonly string[];
  tasks: number;
}

/** A task was not found in the store and begins to run. */
export interface TaskStarted {
  type: 'task-started';
  at: number;
  task: TaskId;
  title: string;
  /** Why it was not found: `never built`, `input 'source' changed`. */
  reason: string;
  /** The same in detail, with `--explain`. */
  because?: readonly Reason[];
  /** Where its log is written, absolute. */
  log: string;
}

/** One thing that differs from what a task was made of the last time. */
export interface Reason {
  message: string;
  /** Which file, which line, which value of a recipe. */
  notes: readonly Note[];
}

export interface Note {
  message: string;
  /** The line of a file of the project; the file is shown as a person there types it. */
  at?: { file: string; line: number };
}

/** One line that a running task printed (it is in the log too). */
export interface TaskOutput {
  type: 'task-output';
  at: number;
  task: TaskId;
  line: string;
}

/** How far a running task is, in bytes; at most ten times a second. */
export interface TaskProgress {
  type: 'task-progress';
  at: number;
  task: TaskId;
  done: number;
  /** Absent: unknown. */
  total?: number;
}

export interface TaskFinished {
  type: 'task-finished';
  at: number;
  task: TaskId;
  title: string;
  /** Empty when its result is known beforehand. */
  fingerprint: Fingerprint;
  /**
   * `ran`: it ran now. `stored`: the store had its result. `elsewhere`: another pibuild made it while this one waited.
   * `known`: what it gives is known beforehand (a download with its sha256); it starts later if its bytes are needed.
   */
  outcome: 'ran' | 'stored' | 'elsewhere' | 'known';
  /** Milliseconds; 0 unless it ran. */
  took: number;
}

export interface TaskFailed {
  type: 'task-failed';
  at: number;
  task: TaskId;
  title: string;
  took: number;
  /** `cancelled` when Ctrl-C or another task's failure stopped it. */
  outcome: 'failed' | 'cancelled';
  diagnostics: readonly Diagnostic[];
  log: string;
  /** The last lines of the log. */
  tail: readonly string[];
  /** The shell command that runs the same thing again, ready to paste; absent for tasks that Node does. */
  command?: string;
}

/** Something read back from the store was not what was written; it is made anew. */
export interface StoreDamaged {
  type: 'store-damaged';
  at: number;
  /** The damaged entry, below the store. */
  entry: string;
  task?: TaskId;
}

/** A task waits for another pibuild that runs the same one. */
export interface Waiting {
  type: 'waiting';
  at: number;
  task: TaskId;
}

export interface Warning {
  type: 'warning';
  at: number;
  diagnostic: Diagnostic;
}

export interface BuildFinished {
  type: 'build-finished';
  at: number;
  ok: boolean;
  ran: number;
  stored: number;
  failed: number;
  took: number;
}

/** A board's image lies in `output/<board>/`, ready for a card or the emulator. */
export interface ImageReady {
  type: 'image-ready';
  at: number;
  board: string;
  /** Absolute. */
  image: string;
  /** Bytes. */
  size: number;
  /** How many of the bytes are not holes. */
  used: number;
  sha256: string;
  /** False: it lay there already. */
  copied: boolean;
}

/** Nothing was begun, or nothing more is: what was typed or a recipe is wrong, or the machine lacks something. */
export interface Failed {
  type: 'failed';
  at: number;
  diagnostics: readonly Diagnostic[];
}

export type Emit = (event: Event) => void;

/** What every event about the end of a task says. */
export function ended({ id, title }: Pick<Task, 'id' | 'title'>): Pick<TaskFinished, 'type' | 'at' | 'task' | 'title'> {
  return { type: 'task-finished', at: Date.now(), task: id, title };
}
