import type { z } from 'zod';
import type { Artifact, Digest, Input, Json, Task } from '../graph/task.ts';
import type { Hat } from '../hat/hat.ts';
import type { Board, BoardModule, Package, Project } from '../recipe/model.ts';
import type { ServiceRoot } from '../service/model.ts';

/**
 * A kind of package: the closed schema of its recipe, and the tasks that a package of it becomes. Pure: `plan` sees
 * recipes, never the disk (but for what the loader read), the store or the network.
 */
export interface PackageKind<Recipe = unknown> {
  readonly kind: string;
  /** Validates `package.yaml` beyond the keys every package has (`recipe/schema.ts` merges the two). */
  readonly schema: z.ZodType<Recipe>;
  plan(pack: Package<Recipe>, context: PlanContext): PackagePlan;
}

export interface PackagePlan {
  readonly tasks: readonly Task[];
  /** The artifacts that other packages and the board use, by role. */
  readonly provides: Provides;
}

/** Roles of a package's artifacts. A package gives those that apply. */
export interface Provides {
  /** A tar with owners and modes that goes into the root. */
  layer?: ArtifactRef;
  /** A tree of files for the boot partition. */
  boot?: ArtifactRef;
  /** A tree of headers and libraries (`include/`, `lib/`) for packages that list this one under `depends`. */
  sysroot?: ArtifactRef;
  /** A Debian root to run tasks in. */
  tools?: ArtifactRef;
  /** A kernel, for what is built against it or checked by it. */
  kernel?: KernelParts;
  /** The files of a service. */
  service?: ServiceRoot;
  /** Modules of a kernel that are built outside of it. */
  modules?: ModuleParts;
  /** A HAT, for the board's configuration and its emulator. */
  hat?: Hat;
  /** A whole root of a distribution, to be entered: a tar with owners and modes. */
  userland?: ArtifactRef;
  /** Kernel modules that the root needs for what the package is, after those that the board names. */
  loads?: readonly BoardModule[];
}

export interface KernelParts {
  /** The source, patched: a tar.zst (`unpackInto`). */
  readonly source: ArtifactRef;
  /** The checked `.config`. */
  readonly config: ArtifactRef;
  /** The Kconfig files, and the Makefiles, of the source: a tar.gz each. */
  readonly kconfig: ArtifactRef;
  readonly makefiles: ArtifactRef;
  /** The fragments it was configured from, as inputs. */
  readonly fragments: Readonly<Record<string, Input>>;
  /** The tree that modules are built against: headers, scripts, Module.symvers. */
  readonly dev: ArtifactRef;
  /** A tar of its own modules, with what depmod made of them. */
  readonly modules: ArtifactRef;
  readonly systemMap: ArtifactRef;
}

export interface ModuleParts {
  /** The .ko files, checked, by the modules' names. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** JSON of `ModuleFacts`. */
  readonly facts: ArtifactRef;
  /** What they export, for modules that are built on top of them. */
  readonly symvers: ArtifactRef;
  /** Modules of the kernel itself that these take the place of. */
  readonly supersedes: readonly string[];
}

/** What modules are built against when it is not the board's kernel. */
export interface ModuleKernel {
  readonly arch: 'arm64' | 'amd64';
  /** Absent: it is no artifact, but is bound into the sandbox by the verb that builds. */
  readonly dev?: ArtifactRef;
  /** Words for make that say where it is; default: the input `kernel`. */
  readonly make?: string;
}

export type ArtifactRef = Extract<Input, { from: 'task' }>;

export interface PlanContext {
  readonly project: Project;
  /** Absent when a package is planned on its own (`pibuild tools`). */
  readonly board?: Board;
  /** The kernel that modules are built for instead of the board's. */
  readonly moduleKernel?: ModuleKernel;
  /** The plan of another package, made on first use: `context.package('tools/build').tools`. A missing one is a Failure with the nearest name. */
  package(name: string, askedBy?: Package): Provides;
}

/** How tasks of a kind are run. `revision` is part of the identity: raise it when the same params come to mean something else. */
export interface TaskKind<Params = Json> {
  readonly kind: string;
  readonly revision: number;
  /** Of a task in the sandbox: its one command. Pure. Exactly one of `command` and `run` is given. */
  command?(params: Params): CommandSpec;
  /** Of a task that Node does. Throws a `Failure` for what a user can cause. */
  run?(workspace: Workspace, params: Params): Promise<void>;
  /** Of a task whose result is known beforehand (a download with its sha256): the artifacts, so that it runs only when their bytes are needed. */
  known?(params: Params): KnownTask;
}

export interface KnownTask {
  readonly artifacts: Readonly<Record<string, Artifact>>;
  /** The Directory messages that tree artifacts consist of, for the store. */
  readonly directories: ReadonlyMap<string, Uint8Array>;
}

/** A REAPI `Command` in our words. It runs in `/work`; inputs are at `in/<name>`, artifacts go to `out/<name>`. */
export interface CommandSpec {
  /** A bash script, run with `-euo pipefail`. */
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Gives the command the compiler cache at `/ccache`. Never changes a result, only the time. */
  readonly ccache?: boolean;
  /**
   * The command makes namespaces of its own, which take a /proc that nothing covers: so where root builds, the kernel's
   * settings are not kept from it.
   */
  readonly namespaces?: boolean;
}

/** All that a task done by Node sees. */
export interface Workspace {
  readonly task: Task;
  /** The absolute path of an input (a file or a folder), read-only. */
  input(name: string): string;
  /** The absolute path where an artifact must be left. */
  output(name: string): string;
  /** A folder of the task's own, gone afterwards. */
  readonly scratch: string;
  /** Seconds since 1970 that everything written is dated (`SOURCE_DATE_EPOCH`). */
  readonly epoch: number;
  readonly signal: AbortSignal;
  /** A line for the task's log (and, the last one, for the terminal). */
  log(line: string): void;
  /** How far a long step is: bytes done, of how many (absent: unknown). */
  progress(done: number, total?: number): void;
  /** For downloads alone: the store's blobs, so that what is there already is not fetched again. Absent on kinds without network. */
  readonly blobs?: BlobStore;
}

/** Where downloads end up, named by their digest. */
export interface BlobStore {
  /** The path of a blob that is there and whole, or undefined. */
  find(digest: Digest): Promise<string | undefined>;
  /** The path of the unfinished download of a digest, to resume from; the folder exists. */
  partial(digest: Digest): string;
  /** Moves a finished, verified file into the store. */
  adopt(path: string, digest: Digest): Promise<string>;
}
