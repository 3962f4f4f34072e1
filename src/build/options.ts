import type { Diagnostic } from '../diagnostic.ts';
import type { Artifact, TaskId } from '../graph/task.ts';
import type { TaskKind } from '../kinds/kind.ts';
import type { RecipeValues } from '../recipe/values.ts';
import type { Emit } from './event.ts';
import type { History } from './history.ts';
import type { Store } from './store.ts';
import type { Times } from './times.ts';

/** What a build is given, and what it comes to. */

export interface BuildOptions {
  readonly store: Store;
  readonly kinds: ReadonlyMap<string, TaskKind<never>>;
  /** Seconds since 1970: `SOURCE_DATE_EPOCH` of every task. */
  readonly epoch: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** The folder for the tasks' logs. */
  readonly logs: string;
  /** Where the half-done work of a failed task is kept. */
  readonly failed: (task: TaskId) => string;
  readonly history: History;
  readonly times: Times;
  /** What the recipes say that a task may come from: of its package, and of the board. For explanations alone. */
  readonly recipes?: (task: TaskId) => readonly RecipeValues[];
  /** The folder that paths in explanations are shown from; default: the working directory. */
  readonly folder?: string;
  /** Says in detail why each task runs. */
  readonly explain?: boolean;
  /** How many jobs run at once; default: one for each processor. */
  readonly jobs?: number;
  /** No task is begun while the load average is this or more and another one runs; nor a compiler by make. */
  readonly load?: number;
  /** After a failure, still build what does not depend on it. */
  readonly keepGoing?: boolean;
  /** Runs nothing: a task that would run counts as not tried. */
  readonly dry?: boolean;
  /** Downloads nothing: what the store lacks is an error. */
  readonly offline?: boolean;
}

export interface BuildResult {
  readonly ok: boolean;
  /** The artifacts of every task that succeeded. */
  readonly artifacts: ReadonlyMap<TaskId, Readonly<Record<string, Artifact>>>;
  /** What went wrong, in the order in which it did. */
  readonly diagnostics: readonly Diagnostic[];
  readonly ran: number;
  readonly cancelled: boolean;
}
