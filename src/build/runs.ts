import { join } from 'node:path';
import { fail } from '../diagnostic.ts';
import { digestOf } from '../graph/reapi.ts';
import type { Fingerprint, Task, TaskGraph, TaskId } from '../graph/task.ts';
import type { Decisions, Identity, InputPaths, Outcome } from './decisions.ts';
import { ended, type Reason } from './event.ts';
import type { Execution } from './execute.ts';
import { type Failures, NotTried } from './failing.ts';
import { differences, type TaskRecord } from './history.ts';
import { withLock } from './lock.ts';
import { beginLog } from './log.ts';
import type { BuildOptions } from './options.ts';
import { reasonsOf, remember } from './reasons.ts';
import { artifactsOf, resultOf } from './result.ts';
import { type Attempt, runTask, throttled } from './running.ts';
import type { Session } from './session.ts';
import type { Turns } from './turns.ts';

/** What the parts of one builder share. */
export interface Site {
  readonly graph: TaskGraph;
  readonly options: BuildOptions;
  readonly decisions: Decisions;
  readonly failures: Failures;
  readonly session: Session;
  readonly turns: Turns;
}

/** Runs tasks, each in its turn and in no other pibuild at the same time, and records what they come to. */
export class Runs {
  /** Those that ran. */
  readonly ran = new Set<TaskId>();
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  /**
   * Runs a task once its inputs are there and its turn has come. `again`: also when the store has a result, whose bytes
   * are lost.
   */
  async run(task: Task, again = false): Promise<Outcome> {
    const facts: Attempt = { started: Date.now(), log: this.logPath(task) };
    try {
      if (this.#site.options.dry) throw new NotTried(`${task.id} would run`);
      return await this.#untilInputsStand(task, (inputs, identity) =>
        this.inTurn(task, () =>
          this.#withLock(task, again, identity, () => this.#attempt(task, inputs, identity, facts)),
        ),
      );
    } catch (error) {
      throw this.#site.failures.report(task, error, facts);
    }
  }

  /** Does something when a task's turn has come. */
  inTurn<T>(task: Task, action: () => Promise<T>): Promise<T> {
    return this.#site.turns.take(task, () => {
      if (this.#site.failures.signal.aborted) throw new NotTried(`${task.id} was not tried`);
      return action();
    });
  }

  /** All that one run of a task needs. */
  async execution(task: Task, inputs: InputPaths, scratch: string): Promise<Execution> {
    const { graph, options, decisions, failures, session } = this.#site;
    const { store, epoch, emit } = options;
    const tools = task.tools && (await decisions.path(task.tools));
    const bubblewrap = task.tools && graph.sandbox && (await decisions.path(graph.sandbox));
    return {
      task,
      kind: decisions.kind(task),
      scratch,
      inputs,
      epoch,
      store,
      log: this.logPath(task),
      signal: failures.signal,
      onLine: (line) => emit({ type: 'task-output', at: Date.now(), task: task.id, line }),
      onProgress: throttled((done, total) => {
        emit({ type: 'task-progress', at: Date.now(), task: task.id, done, ...(total !== undefined && { total }) });
      }),
      ...(tools !== undefined && { tools }),
      ...(bubblewrap !== undefined && { bubblewrap, jobserver: await session.jobserver(bubblewrap) }),
    };
  }

  /** Where a task's log is written. */
  logPath(task: Task): string {
    return join(this.#site.options.logs, `${task.id.replaceAll('/', '+').replace(':', '.')}.log`);
  }

  /**
   * Brings the inputs' bytes about, then acts. If that meant making an input again and it came out different, or a
   * project file changed meanwhile, the task is another one now: its identity is taken anew.
   */
  async #untilInputsStand(
    task: Task,
    action: (inputs: InputPaths, identity: Identity | undefined) => Promise<Outcome>,
  ): Promise<Outcome> {
    const { decisions } = this.#site;
    for (let attempt = 0; attempt < 5; attempt++) {
      const inputs = await decisions.inputs(task);
      const paths = await decisions.inputPaths(task, inputs);
      const now = await decisions.inputs(task);
      if (JSON.stringify(now) !== JSON.stringify(inputs)) continue;
      return action(paths, decisions.kind(task).known ? undefined : await decisions.identity(task, inputs));
    }
    throw fail('task/inputs-change', `the inputs of ${task.id} keep changing while it is about to run`);
  }

  /** Keeps other pibuilds from running the same task; takes what one of them made while this one waited. */
  async #withLock(
    task: Task,
    again: boolean,
    identity: Identity | undefined,
    action: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const { store, emit } = this.#site.options;
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
    const { store, emit, times } = this.#site.options;
    facts.started = Date.now();
    facts.scratch = store.temporary(task.id);
    beginLog(facts.log);
    const { title } = task;
    const reason = this.#reason(task, identity?.record);
    const because = await this.#because(task, identity?.record);
    const details = because && { because };
    emit({ type: 'task-started', at: facts.started, task: task.id, title, reason, ...details, log: facts.log });
    // Forget before running, record last: a task that is killed has no result.
    if (identity) store.forget(identity.fingerprint);
    const execution = await this.execution(task, inputs, facts.scratch);
    const artifacts = await runTask(execution, facts, this.#site.options.offline ?? false);
    if (identity) store.record(identity.fingerprint, resultOf(artifacts));
    if (identity) remember(this.#site.options, task, identity.record);
    const took = Date.now() - facts.started;
    times.set(task.id, took);
    this.ran.add(task.id);
    const fingerprint = identity?.fingerprint ?? ('' as Fingerprint);
    emit({ ...ended(task), fingerprint, outcome: 'ran', took });
    this.#site.session.discard(facts.scratch);
    this.#site.session.discard(this.#site.options.failed(task.id));
    return { artifacts };
  }

  #reason(task: Task, record: TaskRecord | undefined): string {
    if (!record) return 'not downloaded yet';
    const before = this.#site.options.history.last(task);
    if (!before) return 'never built here';
    const changes = differences(before, record);
    return changes.length > 0 ? changes.join(', ') : 'its result is not in the store';
  }

  async #because(task: Task, record: TaskRecord | undefined): Promise<Reason[] | undefined> {
    const { options, graph } = this.#site;
    if (!options.explain || !record) return undefined;
    const taskOf = (id: string) => graph.tasks.get(id as TaskId);
    return reasonsOf(task, options.history.last(task), record, { options, taskOf });
  }
}
