/**
 * The model of a build: plain data, types only. A task names its inputs and artifacts; what it does is the business
 * of its kind (`kinds/`), whether it must run is the business of the builder (`build/`).
 */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** `<package>:<step>`, unique in a graph: `busybox:build`, `tools/build:unpack`, `rpi3:disk`. */
export type TaskId = Branded<string, 'TaskId'>;

/** The sha256 of a task's canonical REAPI Action, in hexadecimal. */
export type Fingerprint = Branded<string, 'Fingerprint'>;

/** What a REAPI `Digest` holds: sha256 in hexadecimal, and the size in bytes. */
export interface Digest {
  readonly hash: string;
  readonly size: number;
}

/** A plain file, or a plain tree (names, bytes, executable bits, symlinks). What has owners or modes is one archive file. */
export type ArtifactType = 'file' | 'tree';

/** An artifact's content: of a file the digest of its bytes, of a tree the digest of its root REAPI `Directory`. */
export type Artifact =
  | { readonly type: 'file'; readonly digest: Digest; readonly executable: boolean }
  | { readonly type: 'tree'; readonly digest: Digest };

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Where a task's input comes from. Its name in `Task.inputs` is its path below `in/` in the task's work folder. */
export type Input =
  /** Another task's artifact. */
  | { readonly from: 'task'; readonly task: TaskId; readonly artifact: string }
  /** A file or a folder of the project, as it is now. `origin` is the recipe line that asked for it (`file:line`). */
  | { readonly from: 'project'; readonly path: string; readonly origin?: string }
  /** A text that planning made: a rendered template, a script. `origin` is the file that it was rendered from. */
  | { readonly from: 'text'; readonly text: string; readonly executable?: boolean; readonly origin?: string };

/**
 * What bounds how many tasks run at once: `network` downloads, `compile`, `link` (much memory: a kernel's link, a
 * compressor), `disk`, `emulator` (a board, or a userland's own programs); absent means only the number of jobs does.
 */
export type Pool = 'network' | 'compile' | 'link' | 'disk' | 'emulator';

export interface Task {
  readonly id: TaskId;
  /** Names the line in the table of task kinds (`kinds/index.ts`) that says how to run it. */
  readonly kind: string;
  /** What a person reads while it runs: `compile the kernel`. */
  readonly title: string;
  /** The kind's own data. Everything here is part of the task's identity. */
  readonly params: Json;
  readonly inputs: Readonly<Record<string, Input>>;
  /**
   * The root of the sandbox: a tools tree merged with the work folder. Absent: Node itself does the task (its Action
   * is marked local).
   */
  readonly tools?: Extract<Input, { from: 'task' }>;
  /** Every artifact the task leaves below `out/`, by name. All are required. */
  readonly outputs: Readonly<Record<string, ArtifactType>>;
  readonly pool?: Pool;
  /** Seconds that it may take on two processors, for the order of a first build. Not part of its identity. */
  readonly expected?: number;
}

/** Tasks by id. A task's inputs name only tasks of the same graph; there is no cycle (`graph.ts` checks both). */
export interface TaskGraph {
  readonly tasks: ReadonlyMap<TaskId, Task>;
  /** What `make` builds when nothing narrower is asked. */
  readonly targets: readonly TaskId[];
  /** The tools tree whose bubblewrap makes the sandboxes. Not part of any task's identity. */
  readonly sandbox?: Extract<Input, { from: 'task' }>;
}
