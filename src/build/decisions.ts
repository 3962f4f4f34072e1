import { fail } from '../diagnostic.ts';
import { dependencies } from '../graph/graph.ts';
import type { Directory } from '../graph/reapi.ts';
import type { Artifact, Digest, Fingerprint, Input, Task, TaskGraph, TaskId } from '../graph/task.ts';
import type { TaskKind } from '../kinds/kind.ts';
import { actionOf } from './action.ts';
import { artifactOf, bringIn, bytesOf } from './bytes.ts';
import { ended } from './event.ts';
import type { Execution } from './execute.ts';
import { isBug, NotTried } from './failing.ts';
import { recordOf, type TaskRecord } from './history.ts';
import type { BuildOptions } from './options.ts';
import { remember } from './reasons.ts';
import { artifactsOf } from './result.ts';
import { rootDirectory } from './tree.ts';

/** What a task came to. */
export interface Outcome {
  readonly artifacts: Readonly<Record<string, Artifact>>;
}

/** What a task is made of at the moment, and the name of that. */
export interface Identity {
  readonly fingerprint: Fingerprint;
  readonly record: TaskRecord;
}

/** Where a task's inputs lie. */
export type InputPaths = Execution['inputs'];

/** What runs a task. `again`: also when the store has a result, whose bytes are lost. */
export type Runner = (task: Task, again?: boolean) => Promise<Outcome>;

/**
 * What each task comes to, decided once in a build: the result is known beforehand, or in the store, or the task is run.
 * A task is decided about when its inputs are known; whether their bytes are there is asked only when it runs ("build
 * without the bytes"), so a download whose result is known beforehand happens only for a task that really runs.
 */
export class Decisions {
  readonly #graph: TaskGraph;
  readonly #options: BuildOptions;
  readonly #run: Runner;
  readonly #failed: (task: Task, error: unknown) => unknown;
  readonly #outcomes = new Map<TaskId, Promise<Outcome>>();
  readonly #rebuilds = new Map<TaskId, Promise<Outcome>>();
  readonly #roots = new Map<string, Directory>();

  /** `failed` tells of an error and gives what is thrown instead. */
  constructor(graph: TaskGraph, options: BuildOptions, run: Runner, failed: (task: Task, error: unknown) => unknown) {
    this.#graph = graph;
    this.#options = options;
    this.#run = run;
    this.#failed = failed;
  }

  /** What a task comes to; it is run if need be. */
  outcome(id: TaskId): Promise<Outcome> {
    let outcome = this.#outcomes.get(id);
    if (!outcome) {
      const task = this.task(id);
      outcome = this.#settle(task).catch((error) => {
        throw this.#failed(task, error);
      });
      outcome.catch(() => {});
      this.#outcomes.set(id, outcome);
    }
    return outcome;
  }

  /** What a task came to, if it was asked for. */
  decided(id: TaskId): Promise<Outcome> | undefined {
    return this.#outcomes.get(id);
  }

  async identity(task: Task, inputs: Readonly<Record<string, Artifact>>): Promise<Identity> {
    const { epoch } = this.#options;
    const kind = this.kind(task);
    const tools = task.tools && (await this.artifact(task.tools));
    const directory = tools && task.tools && (await this.#toolsRoot(task.tools, tools.digest));
    const { fingerprint } = actionOf(task, kind, inputs, directory, epoch);
    const record = recordOf(task, `${kind.kind}@${kind.revision}`, fingerprint, inputs, tools, epoch);
    return { fingerprint, record };
  }

  /** What a task's inputs are. Throws `NotTried` when one cannot be had. */
  async inputs(task: Task): Promise<Record<string, Artifact>> {
    // All are waited for, so that several failures come out in one run.
    const needed = await Promise.allSettled(dependencies(task).map((id) => this.outcome(id)));
    const bug = needed.find(isBug);
    if (bug) throw bug.reason;
    if (needed.some((result) => result.status === 'rejected')) throw new NotTried(`${task.id} was not tried`);
    const entries = Object.entries(task.inputs).map(
      async ([name, input]) => [name, await this.artifact(input)] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  /** What an input is at the moment: its type and digest. */
  async artifact(input: Input): Promise<Artifact> {
    if (input.from !== 'task') return artifactOf(input);
    const { artifacts } = await this.outcome(input.task);
    const artifact = artifacts[input.artifact];
    if (!artifact) throw new Error(`${input.task} has no artifact ${input.artifact}`);
    return artifact;
  }

  /** Where an artifact's bytes are, made again if need be. */
  async path(input: Extract<Input, { from: 'task' }>): Promise<string> {
    return (await bytesOf(this.#options.store, await this.artifact(input))) ?? (await this.made(input));
  }

  /** Brings the bytes of a task's inputs, its tools and its sandbox about. */
  async inputPaths(task: Task, inputs: Readonly<Record<string, Artifact>>): Promise<InputPaths> {
    const paths: Record<string, { path: string; type: 'file' | 'tree' }> = {};
    for (const [name, artifact] of Object.entries(inputs)) {
      paths[name] = { path: await this.#inputPath(task.inputs[name] as Input, artifact), type: artifact.type };
    }
    if (task.tools) await this.path(task.tools);
    if (task.tools && this.#graph.sandbox) await this.path(this.#graph.sandbox);
    return paths;
  }

  /** Makes a task again whose artifact's bytes are not there; returns where they are now. */
  async made(input: Extract<Input, { from: 'task' }>): Promise<string> {
    let rebuild = this.#rebuilds.get(input.task);
    if (!rebuild) {
      const task = this.task(input.task);
      rebuild = this.#run(task, true);
      rebuild.catch(() => {});
      this.#rebuilds.set(input.task, rebuild);
      this.#outcomes.set(input.task, rebuild);
    }
    const artifact = (await rebuild).artifacts[input.artifact];
    const path = artifact && (await bytesOf(this.#options.store, artifact));
    if (path === undefined)
      throw fail('store/lost', `'${input.artifact}' of ${input.task} was lost right after it was made`);
    return path;
  }

  task(id: TaskId): Task {
    const task = this.#graph.tasks.get(id);
    if (!task) throw new Error(`no task ${id}`);
    return task;
  }

  kind(task: Task): TaskKind<never> {
    const kind = this.#options.kinds.get(task.kind);
    if (!kind) throw new Error(`no task kind ${task.kind}`);
    return kind;
  }

  /** Finds out what a task comes to, running it if the store does not have it. */
  async #settle(task: Task): Promise<Outcome> {
    const kind = this.kind(task);
    const known = kind.known?.(task.params as never);
    if (known) {
      this.#options.emit({ ...ended(task), fingerprint: '' as Fingerprint, outcome: 'known', took: 0 });
      return { artifacts: known.artifacts };
    }
    const inputs = await this.inputs(task);
    const { fingerprint, record } = await this.identity(task, inputs);
    const stored = this.#options.store.trace(fingerprint);
    const artifacts = stored && artifactsOf(task, stored);
    if (!artifacts) return this.#run(task);
    remember(this.#options, task, record);
    this.#options.emit({ ...ended(task), fingerprint, outcome: 'stored', took: 0 });
    return { artifacts };
  }

  /** The root folder of a tools tree, which many tasks share; the tree is made again if the store has lost it. */
  async #toolsRoot(tools: Extract<Input, { from: 'task' }>, { hash, size }: Digest): Promise<Directory | undefined> {
    const { store } = this.#options;
    let directory = this.#roots.get(hash) ?? rootDirectory(store, { hash, size });
    if (!directory) {
      await this.made(tools);
      directory = rootDirectory(store, { hash, size });
    }
    if (directory) this.#roots.set(hash, directory);
    return directory;
  }

  async #inputPath(input: Input, artifact: Artifact): Promise<string> {
    const { store } = this.#options;
    if (input.from !== 'task') return bringIn(store, input, artifact);
    return (await bytesOf(store, artifact)) ?? this.made(input);
  }
}
