import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { type Diagnostic, Failure, fail } from '../diagnostic.ts';
import { dependencies, inOrder } from '../graph/graph.ts';
import { type Directory, digestOf } from '../graph/reapi.ts';
import type { Artifact, Digest, Fingerprint, Input, Pool, Task, TaskGraph, TaskId } from '../graph/task.ts';
import type { TaskKind } from '../kinds/kind.ts';
import { quote } from '../kinds/script.ts';
import { actionOf } from './action.ts';
import { capture } from './command.ts';
import { type Difference, firstDifference } from './compare.ts';
import type { Emit, TaskFinished } from './event.ts';
import { artifactPath, byHand, collect, type Execution, execute, perform, prepare } from './execute.ts';
import { differences, type History, recordOf, type TaskRecord } from './history.ts';
import { Jobserver } from './jobserver.ts';
import { withLock } from './lock.ts';
import { enter, sweep } from './presence.ts';
import { artifactsOf, resultOf } from './result.ts';
import { throughLoader } from './sandbox.ts';
import { Slots } from './slots.ts';
import { type Store, storeFailure, writing } from './store.ts';
import type { Times } from './times.ts';
import { copyTreeIn, projectArtifact, rootDirectory, unpackTree } from './tree.ts';

/**
 * The builder: brings the artifacts of the targets about, running only what the store does not have. A task runs when
 * its inputs are known; whether their bytes are needed is asked only then ("build without the bytes"), so a download
 * whose result is known beforehand happens only for a task that really runs.
 */

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
  /** How many jobs run at once; default: one for each processor. */
  readonly jobs?: number;
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

/** Builds the targets. Failures of tasks are in the result; a thrown error is a bug or an unusable store. */
export async function build(graph: TaskGraph, targets: readonly TaskId[], options: BuildOptions): Promise<BuildResult> {
  return new Builder(graph, options).build(targets);
}

/** What a task came to. */
interface Outcome {
  readonly artifacts: Readonly<Record<string, Artifact>>;
}

interface Identity {
  readonly fingerprint: Fingerprint;
  readonly record: TaskRecord;
}

type InputPaths = Execution['inputs'];

/** What is known of one try at a task when it fails. */
interface Attempt {
  started: number;
  readonly log: string;
  scratch?: string;
  argv?: readonly string[];
}

/** A task that was not tried because something it needs failed, or because the build was stopped. */
class NotTried extends Error {}

const POOL_SIZES: Readonly<Record<Pool, number>> = {
  network: 3,
  compile: Number.POSITIVE_INFINITY,
  disk: 2,
  emulator: 1,
};

export class Builder {
  readonly #graph: TaskGraph;
  readonly #options: BuildOptions;
  readonly #outcomes = new Map<TaskId, Promise<Outcome>>();
  readonly #rebuilds = new Map<TaskId, Promise<Outcome>>();
  readonly #roots = new Map<string, Directory>();
  readonly #jobCount: number;
  readonly #slots: Slots;
  readonly #pools: Readonly<Record<Pool, Slots>>;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #cleaning: Promise<void>[] = [];
  #priorities: ReadonlyMap<TaskId, number> = new Map();
  #leave: Promise<() => void> | undefined;
  #jobserver: Promise<Jobserver> | undefined;
  readonly #ran = new Set<TaskId>();
  #failed = 0;

  constructor(graph: TaskGraph, options: BuildOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#jobCount = options.jobs ?? availableParallelism();
    this.#slots = new Slots(this.#jobCount);
    this.#pools = {
      network: new Slots(POOL_SIZES.network),
      compile: new Slots(POOL_SIZES.compile),
      disk: new Slots(POOL_SIZES.disk),
      emulator: new Slots(POOL_SIZES.emulator),
    };
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  async build(targets: readonly TaskId[]): Promise<BuildResult> {
    const started = Date.now();
    await this.#present();
    const tasks = inOrder(this.#graph, targets);
    this.#priorities = this.#options.times.priorities(tasks);
    this.#options.emit({ type: 'build-started', at: started, targets, tasks: tasks.length });
    const results = await Promise.allSettled(targets.map((target) => this.#deliver(target)));
    // With a failure in one branch, others may still be winding up.
    const settled = await Promise.allSettled(tasks.map((task) => this.#outcomes.get(task.id)));
    await this.#finish();
    const bug = [...results, ...settled].find(isBug);
    if (bug) throw bug.reason;
    const artifacts = new Map<TaskId, Outcome['artifacts']>();
    for (const [index, result] of settled.entries()) {
      const task = tasks[index];
      if (task && result.status === 'fulfilled' && result.value) artifacts.set(task.id, result.value.artifacts);
    }
    const ok = results.every((result) => result.status === 'fulfilled');
    const ran = this.#ran.size;
    const counts = {
      ran,
      stored: [...artifacts.keys()].filter((id) => !this.#ran.has(id)).length,
      failed: this.#failed,
    };
    this.#options.emit({ type: 'build-finished', at: Date.now(), ok, ...counts, took: Date.now() - started });
    return { ok, artifacts, diagnostics: this.#diagnostics, ran, cancelled: this.#options.signal.aborted };
  }

  /** The folder of an input's bytes, or the file of them, made if need be: for verbs that use an artifact themselves. */
  async path(input: Extract<Input, { from: 'task' }>): Promise<string> {
    await this.#present();
    const artifact = await this.#artifact(input);
    return (await this.#bytes(artifact)) ?? (await this.#made(input));
  }

  /** Everything a sandboxed task needs to be run by hand, laid out in a folder of its own. */
  async stage(id: TaskId, scratch: string): Promise<ReturnType<typeof prepare>> {
    await this.#present();
    const task = this.#task(id);
    const inputs = await this.#inputPaths(task, await this.#inputArtifacts(task));
    return prepare(await this.#execution(task, inputs, scratch));
  }

  /**
   * Runs a task that has a result again, with the same inputs, and compares: whatever differs is something that reached
   * the task without being declared, or a tool that does not do the same thing twice. The result is not replaced.
   */
  async check(id: TaskId): Promise<Difference[]> {
    await this.#present();
    const task = this.#task(id);
    const log = this.#logPath(task).replace(/log$/, 'check.log');
    if (this.#kind(task).known) return [];
    const inputs = await this.#inputPaths(task, await this.#inputArtifacts(task));
    const { artifacts } = await this.#resolve(id);
    return this.#inTurn(task, async () => {
      const { emit, store } = this.#options;
      const scratch = store.temporary(`check-${id}`);
      const { title } = task;
      // Nothing is recorded under it.
      const fingerprint = '' as Fingerprint;
      const started = Date.now();
      writing(() => writeFileSync(log, ''));
      emit({ type: 'task-started', at: started, task: id, title, reason: 'to check it', log });
      const execution = { ...(await this.#execution(task, inputs, scratch)), log };
      await this.#carryOut(execution);
      const differing: Difference[] = [];
      for (const [name, before] of Object.entries(artifacts)) {
        const path = artifactPath(execution, name);
        const now = await projectArtifact(path);
        if (now.digest.hash === before.digest.hash) continue;
        const stored = (await this.#bytes(before)) ?? (await this.#made({ from: 'task', task: id, artifact: name }));
        differing.push({ artifact: name, where: await firstDifference(stored, path) });
      }
      const took = Date.now() - started;
      emit({ ...ended(task), fingerprint, outcome: 'ran', took });
      this.#cleaning.push(store.discard(scratch));
      return differing;
    });
  }

  /** Ends what the builder keeps open. `build` does so by itself. */
  async close(): Promise<void> {
    await this.#finish();
  }

  /** What a task is made of as things are now, or undefined when that is known only after tasks before it ran. */
  async identify(id: TaskId): Promise<{ record: TaskRecord; stored: boolean } | undefined> {
    const task = this.#task(id);
    try {
      const { record, fingerprint } = await this.#identity(task, this.#kind(task), await this.#inputArtifacts(task));
      const trace = this.#options.store.trace(fingerprint);
      return { record, stored: trace !== undefined && artifactsOf(task, trace) !== undefined };
    } catch (error) {
      if (error instanceof NotTried) return undefined;
      throw error;
    }
  }

  /** Shows others that somebody is at work in the store, until `#finish`. */
  #present(): Promise<() => void> {
    this.#leave ??= enter(this.#options.store);
    return this.#leave;
  }

  /** A target's artifacts, with their bytes in the store. */
  async #deliver(id: TaskId): Promise<void> {
    const outcome = await this.#resolve(id);
    for (const [name, artifact] of Object.entries(outcome.artifacts)) {
      if (!this.#options.store.has(artifact.digest)) await this.#made({ from: 'task', task: id, artifact: name });
    }
  }

  #resolve(id: TaskId): Promise<Outcome> {
    let outcome = this.#outcomes.get(id);
    if (!outcome) {
      const task = this.#task(id);
      outcome = this.#settle(task).catch((error) => {
        throw this.#failure(task, error, { started: Date.now(), log: this.#logPath(task) });
      });
      outcome.catch(() => {});
      this.#outcomes.set(id, outcome);
    }
    return outcome;
  }

  /** Finds out what a task comes to, running it if the store does not have it. */
  async #settle(task: Task): Promise<Outcome> {
    const kind = this.#kind(task);
    const known = kind.known?.(task.params as never);
    if (known) {
      this.#options.emit({ ...ended(task), fingerprint: '' as Fingerprint, outcome: 'known', took: 0 });
      return { artifacts: known.artifacts };
    }
    const inputs = await this.#inputArtifacts(task);
    const { fingerprint, record } = await this.#identity(task, kind, inputs);
    const stored = this.#options.store.trace(fingerprint);
    const artifacts = stored && artifactsOf(task, stored);
    if (!artifacts) return this.#run(task);
    this.#options.history.set(task, record);
    this.#options.emit({ ...ended(task), fingerprint, outcome: 'stored', took: 0 });
    return { artifacts };
  }

  async #identity(task: Task, kind: TaskKind<never>, inputs: Readonly<Record<string, Artifact>>): Promise<Identity> {
    const { epoch } = this.#options;
    const tools = task.tools && (await this.#artifact(task.tools));
    const directory = tools && task.tools && (await this.#toolsRoot(task.tools, tools.digest));
    const { fingerprint } = actionOf(task, kind, inputs, directory, epoch);
    const record = recordOf(task, `${kind.kind}@${kind.revision}`, fingerprint, inputs, tools, epoch);
    return { fingerprint, record };
  }

  /** The root folder of a tools tree, which many tasks share; the tree is made again if the store has lost it. */
  async #toolsRoot(tools: Extract<Input, { from: 'task' }>, { hash, size }: Digest): Promise<Directory | undefined> {
    const { store } = this.#options;
    let directory = this.#roots.get(hash) ?? rootDirectory(store, { hash, size });
    if (!directory) {
      await this.#made(tools);
      directory = rootDirectory(store, { hash, size });
    }
    if (directory) this.#roots.set(hash, directory);
    return directory;
  }

  async #inputArtifacts(task: Task): Promise<Record<string, Artifact>> {
    // All are waited for, so that several failures come out in one run.
    const needed = await Promise.allSettled(dependencies(task).map((id) => this.#resolve(id)));
    const bug = needed.find(isBug);
    if (bug) throw bug.reason;
    if (needed.some((result) => result.status === 'rejected')) throw new NotTried(`${task.id} was not tried`);
    const entries = Object.entries(task.inputs).map(
      async ([name, input]) => [name, await this.#artifact(input)] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  /** What an input is at the moment: its type and digest. */
  async #artifact(input: Input): Promise<Artifact> {
    if (input.from === 'text') {
      return { type: 'file', digest: digestOf(input.text), executable: input.executable ?? false };
    }
    if (input.from === 'project') return projectArtifact(input.path);
    const { artifacts } = await this.#resolve(input.task);
    const artifact = artifacts[input.artifact];
    if (!artifact) throw new Error(`${input.task} has no artifact ${input.artifact}`);
    return artifact;
  }

  /**
   * Runs a task once its inputs are there and its turn has come. `again`: also when the store has a result, whose bytes
   * are lost.
   */
  async #run(task: Task, again = false): Promise<Outcome> {
    const facts: Attempt = { started: Date.now(), log: this.#logPath(task) };
    try {
      if (this.#options.dry) throw new NotTried(`${task.id} would run`);
      return await this.#untilInputsStand(task, (inputs, identity) =>
        this.#inTurn(task, () =>
          this.#withLock(task, again, identity, () => this.#attempt(task, inputs, identity, facts)),
        ),
      );
    } catch (error) {
      throw this.#failure(task, error, facts);
    }
  }

  /** Waits for a place among the running tasks. Inputs are made before, so nobody waits for one while holding one. */
  async #inTurn<T>(task: Task, action: () => Promise<T>): Promise<T> {
    const priority = this.#priorities.get(task.id) ?? 0;
    const pool = task.pool && (await this.#pools[task.pool].take(priority));
    // Downloads wait for the network, not for a processor.
    const slot = task.pool === 'network' ? undefined : await this.#slots.take(priority);
    try {
      if (this.#signal.aborted) throw new NotTried(`${task.id} was not tried`);
      return await action();
    } finally {
      slot?.();
      pool?.();
    }
  }

  /** Keeps other pibuilds from running the same task; takes what one of them made while this one waited. */
  async #withLock(
    task: Task,
    again: boolean,
    identity: Identity | undefined,
    action: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const { store, emit } = this.#options;
    const name = identity?.fingerprint ?? `known ${digestOf(JSON.stringify(task.params)).hash}`;
    const waiting = (): void => emit({ type: 'waiting', at: Date.now(), task: task.id });
    return withLock(store.paths.root, name, waiting, async () => {
      const trace = identity && !again && store.trace(identity.fingerprint);
      const artifacts = trace && artifactsOf(task, trace);
      if (!artifacts || !identity) return action();
      const { fingerprint } = identity;
      emit({ ...ended(task), fingerprint, outcome: 'elsewhere', took: 0 });
      return { artifacts };
    });
  }

  async #attempt(task: Task, inputs: InputPaths, identity: Identity | undefined, facts: Attempt): Promise<Outcome> {
    const { store, emit, times, history } = this.#options;
    facts.started = Date.now();
    facts.scratch = store.temporary(task.id);
    writing(() => writeFileSync(facts.log, ''));
    const { title } = task;
    const reason = this.#reason(task, identity?.record);
    emit({ type: 'task-started', at: facts.started, task: task.id, title, reason, log: facts.log });
    // Forget before running, record last: a task that is killed has no result.
    if (identity) store.forget(identity.fingerprint);
    const execution = await this.#execution(task, inputs, facts.scratch);
    const artifacts = await this.#perform(execution, facts);
    if (identity) store.record(identity.fingerprint, resultOf(artifacts));
    if (identity) history.set(task, identity.record);
    const took = Date.now() - facts.started;
    times.set(task.id, took);
    this.#ran.add(task.id);
    const fingerprint = identity?.fingerprint ?? ('' as Fingerprint);
    emit({ ...ended(task), fingerprint, outcome: 'ran', took });
    this.#cleaning.push(store.discard(facts.scratch), store.discard(this.#options.failed(task.id)));
    return { artifacts };
  }

  async #perform(execution: Execution, facts: Attempt): Promise<Record<string, Artifact>> {
    if (this.#options.offline && execution.task.pool === 'network') {
      throw fail(
        'build/offline',
        `${execution.task.id} would have to download`,
        'run `pibuild fetch` once while online, or leave out --offline',
      );
    }
    await this.#carryOut(execution, facts);
    return this.#keep(execution);
  }

  /** Does what the task does; the artifacts are then below its `out/`. */
  async #carryOut(execution: Execution, facts?: Attempt): Promise<void> {
    if (execution.kind.run) return perform(execution);
    const { sandbox, argv } = prepare(execution);
    if (facts) facts.argv = byHand(sandbox, execution.task);
    const ended = execution.jobserver?.begin();
    await execute(execution, argv).finally(() => ended?.());
  }

  /**
   * Brings the inputs' bytes about, then acts. If that meant making an input again and it came out different, or a
   * project file changed meanwhile, the task is another one now: its identity is taken anew.
   */
  async #untilInputsStand(
    task: Task,
    action: (inputs: InputPaths, identity: Identity | undefined) => Promise<Outcome>,
  ): Promise<Outcome> {
    const kind = this.#kind(task);
    for (let attempt = 0; attempt < 5; attempt++) {
      const inputs = await this.#inputArtifacts(task);
      const paths = await this.#inputPaths(task, inputs);
      const now = await this.#inputArtifacts(task);
      if (JSON.stringify(now) !== JSON.stringify(inputs)) continue;
      return action(paths, kind.known ? undefined : await this.#identity(task, kind, inputs));
    }
    throw fail('task/inputs-change', `the inputs of ${task.id} keep changing while it is about to run`);
  }

  async #inputPaths(task: Task, inputs: Readonly<Record<string, Artifact>>): Promise<InputPaths> {
    const paths: Record<string, { path: string; type: 'file' | 'tree' }> = {};
    for (const [name, artifact] of Object.entries(inputs)) {
      paths[name] = { path: await this.#inputPath(task.inputs[name] as Input, artifact), type: artifact.type };
    }
    if (task.tools) await this.path(task.tools);
    if (task.tools && this.#graph.sandbox) await this.path(this.#graph.sandbox);
    return paths;
  }

  async #execution(task: Task, inputs: InputPaths, scratch: string): Promise<Execution> {
    const tools = task.tools && (await this.path(task.tools));
    const bubblewrap = task.tools && this.#graph.sandbox && (await this.path(this.#graph.sandbox));
    const { store, epoch, emit } = this.#options;
    return {
      task,
      kind: this.#kind(task),
      scratch,
      inputs,
      epoch,
      store,
      log: this.#logPath(task),
      signal: this.#signal,
      onLine: (line) => emit({ type: 'task-output', at: Date.now(), task: task.id, line }),
      onProgress: throttled((done, total) => {
        emit({ type: 'task-progress', at: Date.now(), task: task.id, done, ...(total !== undefined && { total }) });
      }),
      ...(tools !== undefined && { tools }),
      ...(bubblewrap !== undefined && { bubblewrap, jobserver: await this.#jobs(bubblewrap) }),
    };
  }

  async #inputPath(input: Input, artifact: Artifact): Promise<string> {
    const { store } = this.#options;
    if (input.from === 'text') store.putBytes(Buffer.from(input.text), input.executable ?? false);
    if (input.from === 'project' && (await this.#bytes(artifact)) === undefined) {
      if (artifact.type === 'tree') await copyTreeIn(store, input.path);
      else await store.copyIn(input.path, artifact.executable);
    }
    const path = await this.#bytes(artifact);
    if (path !== undefined) return path;
    if (input.from === 'task') return this.#made(input);
    throw fail('task/inputs-change', `'${input.from === 'project' ? input.path : 'a text'}' changed while it was read`);
  }

  /** Where an artifact's bytes are, verified, or undefined when the store lacks any of them. */
  async #bytes(artifact: Artifact): Promise<string | undefined> {
    const { store } = this.#options;
    return artifact.type === 'tree'
      ? unpackTree(store, artifact.digest)
      : store.blob(artifact.digest, artifact.executable);
  }

  /** Makes a task again whose artifact's bytes are not there; returns where they are now. */
  async #made(input: Extract<Input, { from: 'task' }>): Promise<string> {
    let rebuild = this.#rebuilds.get(input.task);
    if (!rebuild) {
      const task = this.#task(input.task);
      rebuild = this.#run(task, true);
      rebuild.catch(() => {});
      this.#rebuilds.set(input.task, rebuild);
      this.#outcomes.set(input.task, rebuild);
    }
    const artifact = (await rebuild).artifacts[input.artifact];
    const path = artifact && (await this.#bytes(artifact));
    if (path === undefined)
      throw fail('store/lost', `'${input.artifact}' of ${input.task} was lost right after it was made`);
    return path;
  }

  /** Puts what a task left into the store and writes it through to the disk. */
  async #keep(execution: Execution): Promise<Record<string, Artifact>> {
    const { store } = this.#options;
    const known = execution.kind.known?.(execution.task.params as never);
    if (known) {
      for (const bytes of known.directories.values()) store.putBytes(bytes);
      return known.artifacts;
    }
    const artifacts = await collect(execution);
    const tree = Object.entries(artifacts).find(([, artifact]) => artifact.type === 'tree')?.[1];
    // A tree's many files go to the disk with one syncfs(2), by the `sync` of whatever tools tree is there.
    const tools = execution.bubblewrap ?? (tree && store.paths.tree(tree.digest.hash));
    if (tree && tools) await capture([...throughLoader(tools, 'usr/bin/sync'), '-f', store.paths.root]).catch(() => '');
    return artifacts;
  }

  #jobs(tree: string): Promise<Jobserver> {
    this.#jobserver ??= Jobserver.create(this.#options.store.temporary('jobserver'), tree, this.#jobCount);
    return this.#jobserver;
  }

  #reason(task: Task, record: TaskRecord | undefined): string {
    if (!record) return 'not downloaded yet';
    const before = this.#options.history.last(task);
    if (!before) return 'never built here';
    const changes = differences(before, record);
    return changes.length > 0 ? changes.join(', ') : 'its result is not in the store';
  }

  /** Reports a task's failure once and turns it into what its dependants see. A bug stays what it is. */
  #failure(task: Task, error: unknown, facts: Attempt): unknown {
    const { emit, store } = this.#options;
    const cancelled = this.#signal.aborted;
    const expected = error instanceof NotTried ? undefined : this.#expected(task, error);
    if (facts.scratch && (cancelled || !expected)) this.#cleaning.push(store.discard(facts.scratch));
    if (!expected) return error;
    if (!cancelled) {
      this.#failed += 1;
      this.#diagnostics.push(...expected.diagnostics);
      if (!this.#options.keepGoing) this.#stop.abort();
    }
    const command = cancelled ? undefined : this.#keepFailed(task, facts);
    emit({
      type: 'task-failed',
      at: Date.now(),
      task: task.id,
      title: task.title,
      took: Date.now() - facts.started,
      outcome: cancelled ? 'cancelled' : 'failed',
      diagnostics: expected.diagnostics,
      log: facts.log,
      tail: facts.scratch ? tailOf(facts.log) : [],
      ...(command !== undefined && { command }),
    });
    return new NotTried(`${task.id} failed`);
  }

  /** Keeps the half-done work of a failed task; returns the command line that runs it again there. */
  #keepFailed(task: Task, { scratch, argv }: Attempt): string | undefined {
    if (scratch === undefined || argv === undefined) {
      if (scratch !== undefined) this.#cleaning.push(this.#options.store.discard(scratch));
      return undefined;
    }
    const kept = this.#options.failed(task.id);
    try {
      rmSync(kept, { recursive: true, force: true });
      mkdirSync(dirname(kept), { recursive: true });
      renameSync(scratch, kept);
    } catch {
      // On a full disk, say. The work stays where it is until the store is tidied.
      return argv.map(quote).join(' ');
    }
    return argv.map((word) => quote(word.replace(scratch, kept))).join(' ');
  }

  /** An error that is no bug, as a Failure: diagnostics, a store that cannot be written, work stopped by cancelling. */
  #expected(task: Task, error: unknown): Failure | undefined {
    const stopped = this.#signal.aborted && (error === this.#signal.reason || (error as Error).name === 'AbortError');
    return stopped ? fail('task/cancelled', `${task.id} was cancelled`) : storeFailure(error);
  }

  async #finish(): Promise<void> {
    await Promise.allSettled(this.#cleaning);
    const jobserver = await this.#jobserver?.catch(() => undefined);
    this.#jobserver = undefined;
    jobserver?.close();
    rmSync(this.#options.store.paths.temporaryOf(this.#options.store.session), { recursive: true, force: true });
    if (this.#ran.size > 0) await sweep(this.#options.store);
    this.#options.history.save();
    this.#options.times.save();
    (await this.#leave)?.();
    this.#leave = undefined;
  }

  #logPath(task: Task): string {
    mkdirSync(this.#options.logs, { recursive: true });
    return join(this.#options.logs, `${task.id.replaceAll('/', '+').replace(':', '.')}.log`);
  }

  #task(id: TaskId): Task {
    const task = this.#graph.tasks.get(id);
    if (!task) throw new Error(`no task ${id}`);
    return task;
  }

  #kind(task: Task): TaskKind<never> {
    const kind = this.#options.kinds.get(task.kind);
    if (!kind) throw new Error(`no task kind ${task.kind}`);
    return kind;
  }
}

function isBug(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected' && !(result.reason instanceof NotTried) && !(result.reason instanceof Failure);
}

function ended({ id, title }: Task): Pick<TaskFinished, 'type' | 'at' | 'task' | 'title'> {
  return { type: 'task-finished', at: Date.now(), task: id, title };
}

function tailOf(log: string): string[] {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-20);
  } catch {
    return [];
  }
}

/** At most ten calls a second get through, and the last one of a total. */
function throttled(call: (done: number, total?: number) => void): (done: number, total?: number) => void {
  let last = 0;
  return (done, total) => {
    if (Date.now() - last < 100 && done !== total) return;
    last = Date.now();
    call(done, total);
  };
}
