import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { inOrder } from '../graph/graph.ts';
import type { Fingerprint, Input, TaskGraph, TaskId } from '../graph/task.ts';
import { bytesOf } from './bytes.ts';
import { type Difference, firstDifference, twoRuns } from './compare.ts';
import { Decisions, type Outcome } from './decisions.ts';
import { ended } from './event.ts';
import { artifactPath, prepare } from './execute.ts';
import { Failures, isBug, NotTried } from './failing.ts';
import type { TaskRecord } from './history.ts';
import { beginLog } from './log.ts';
import type { BuildOptions, BuildResult } from './options.ts';
import { poolSizes } from './pools.ts';
import { artifactsOf } from './result.ts';
import { carryOut } from './running.ts';
import { Runs } from './runs.ts';
import { Session } from './session.ts';
import { projectArtifact } from './tree.ts';
import { Turns } from './turns.ts';
import { unsquashBy } from './unsquash.ts';

export type { BuildOptions, BuildResult } from './options.ts';

/** Builds the targets. Failures of tasks are in the result; a thrown error is a bug or an unusable store. */
export async function build(graph: TaskGraph, targets: readonly TaskId[], options: BuildOptions): Promise<BuildResult> {
  return new Builder(graph, options).build(targets);
}

/**
 * The builder: brings the artifacts of the targets about, running only what the store does not have. What is decided
 * about each task is in `decisions.ts`, how it is run in `runs.ts`, when in `turns.ts`, how it fails in `failing.ts`.
 */
export class Builder {
  readonly #options: BuildOptions;
  readonly #graph: TaskGraph;
  readonly #session: Session;
  readonly #turns: Turns;
  readonly #failures: Failures;
  readonly #decisions: Decisions;
  readonly #runs: Runs;

  constructor(graph: TaskGraph, options: BuildOptions) {
    const jobs = options.jobs ?? availableParallelism();
    const session = new Session(options.store, jobs, options.load);
    const turns = new Turns({
      jobs,
      pools: poolSizes(totalmem(), jobs),
      ...(options.load !== undefined && { load: options.load }),
    });
    const failures = new Failures(options, session);
    const decisions = new Decisions(
      graph,
      options,
      (task, again) => this.#runs.run(task, again),
      (task, error) => failures.report(task, error, { started: Date.now(), log: this.#runs.logPath(task) }),
    );
    this.#runs = new Runs({ graph, options, decisions, failures, session, turns });
    this.#options = options;
    this.#graph = graph;
    this.#session = session;
    this.#turns = turns;
    this.#failures = failures;
    this.#decisions = decisions;
  }

  async build(targets: readonly TaskId[]): Promise<BuildResult> {
    const started = Date.now();
    await this.#session.begin();
    const tasks = inOrder(this.#graph, targets);
    this.#turns.priorities = this.#options.times.priorities(tasks);
    this.#options.emit({ type: 'build-started', at: started, targets, tasks: tasks.length });
    const results = await Promise.allSettled(targets.map((target) => this.#deliver(target)));
    // With a failure in one branch, others may still be winding up.
    const settled = await Promise.allSettled(tasks.map((task) => this.#decisions.decided(task.id)));
    await this.close();
    const bug = [...results, ...settled].find(isBug);
    if (bug) throw bug.reason;
    const artifacts = new Map<TaskId, Outcome['artifacts']>();
    for (const [index, result] of settled.entries()) {
      const task = tasks[index];
      if (task && result.status === 'fulfilled' && result.value) artifacts.set(task.id, result.value.artifacts);
    }
    const ok = results.every((result) => result.status === 'fulfilled');
    const ran = this.#runs.ran.size;
    const counts = {
      ran,
      stored: [...artifacts.keys()].filter((id) => !this.#runs.ran.has(id)).length,
      failed: this.#failures.count,
    };
    this.#options.emit({ type: 'build-finished', at: Date.now(), ok, ...counts, took: Date.now() - started });
    return { ok, artifacts, diagnostics: this.#failures.diagnostics, ran, cancelled: this.#options.signal.aborted };
  }

  /** The folder of an input's bytes, or the file of them, made if need be: for verbs that use an artifact themselves. */
  async path(input: Extract<Input, { from: 'task' }>): Promise<string> {
    await this.#session.begin();
    return this.#decisions.path(input);
  }

  /** Everything a sandboxed task needs to be run by hand, laid out in a folder of its own. */
  async stage(id: TaskId, scratch: string): Promise<ReturnType<typeof prepare>> {
    await this.#session.begin();
    const task = this.#decisions.task(id);
    const inputs = await this.#decisions.inputPaths(task, await this.#decisions.inputs(task));
    return prepare(await this.#runs.execution(task, inputs, scratch));
  }

  /**
   * Runs a task that has a result again, with the same inputs and nothing else: in a folder of its own, with an empty
   * compiler cache, as in an empty store. Whatever differs is something that reached the task without being declared, or
   * a tool that does not do the same thing twice. The result is not replaced.
   */
  async check(id: TaskId): Promise<Difference[]> {
    await this.#session.begin();
    const task = this.#decisions.task(id);
    const log = this.#runs.logPath(task).replace(/log$/, 'check.log');
    if (this.#decisions.kind(task).known) return [];
    const inputs = await this.#decisions.inputPaths(task, await this.#decisions.inputs(task));
    const { artifacts } = await this.#decisions.outcome(id);
    return this.#runs.inTurn(task, async () => {
      const { emit, store } = this.#options;
      const scratch = store.temporary(`check-${id}`);
      const { title } = task;
      // Nothing is recorded under it.
      const fingerprint = '' as Fingerprint;
      const started = Date.now();
      beginLog(log);
      emit({ type: 'task-started', at: started, task: id, title, reason: 'to check it', log });
      const ccache = join(scratch, 'ccache');
      const execution = { ...(await this.#runs.execution(task, inputs, scratch)), log, ccache };
      await carryOut(execution);
      const { tools } = execution;
      const unpack = tools === undefined ? undefined : unsquashBy(tools, join(scratch, 'unpacked'));
      const differing: Difference[] = [];
      for (const [name, before] of Object.entries(artifacts)) {
        const path = artifactPath(execution, name);
        const now = await projectArtifact(path);
        if (now.digest.hash === before.digest.hash) continue;
        const stored =
          (await bytesOf(this.#options.store, before)) ??
          (await this.#decisions.made({ from: 'task', task: id, artifact: name }));
        differing.push({ artifact: name, where: await firstDifference(stored, path, twoRuns, unpack) });
      }
      const took = Date.now() - started;
      emit({ ...ended(task), fingerprint, outcome: 'ran', took });
      this.#session.discard(scratch);
      return differing;
    });
  }

  /** Ends what the builder keeps open. `build` does so by itself. */
  async close(): Promise<void> {
    this.#options.history.save();
    this.#options.times.save();
    await this.#session.close(this.#options.signal.aborted);
  }

  /** What a task is made of as things are now, or undefined when that is known only after tasks before it ran. */
  async identify(id: TaskId): Promise<{ record: TaskRecord; stored: boolean } | undefined> {
    const task = this.#decisions.task(id);
    try {
      const { record, fingerprint } = await this.#decisions.identity(task, await this.#decisions.inputs(task));
      const trace = this.#options.store.trace(fingerprint);
      return { record, stored: trace !== undefined && artifactsOf(task, trace) !== undefined };
    } catch (error) {
      if (error instanceof NotTried) return undefined;
      throw error;
    }
  }

  /** A target's artifacts, with their bytes in the store. */
  async #deliver(id: TaskId): Promise<void> {
    const outcome = await this.#decisions.outcome(id);
    for (const [name, artifact] of Object.entries(outcome.artifacts)) {
      if (!this.#options.store.has(artifact.digest))
        await this.#decisions.made({ from: 'task', task: id, artifact: name });
    }
  }
}
