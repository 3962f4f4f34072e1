import { fail } from '../diagnostic.ts';
import type { Artifact } from '../graph/task.ts';
import { capture } from './command.ts';
import { byHand, collect, type Execution, execute, perform, prepare } from './execute.ts';
import { throughLoader } from './sandbox.ts';

/** One try at a task: what is known of it when it fails. */
export interface Attempt {
  started: number;
  readonly log: string;
  scratch?: string;
  /** What a person pastes to run it again; absent for tasks that Node does. */
  argv?: readonly string[];
}

/** Runs a task and puts what it leaves into the store, on the disk. */
export async function runTask(execution: Execution, attempt: Attempt, offline: boolean): Promise<Kept> {
  if (offline && execution.task.pool === 'network') {
    throw fail(
      'build/offline',
      `${execution.task.id} would have to download`,
      'run `pibuild fetch` once while online, or leave out --offline',
    );
  }
  await carryOut(execution, attempt);
  return keep(execution);
}

type Kept = Readonly<Record<string, Artifact>>;

/** Does what the task does; the artifacts are then below its `out/`. */
export async function carryOut(execution: Execution, attempt?: Attempt): Promise<void> {
  if (execution.kind.run) return perform(execution);
  const { sandbox, argv } = prepare(execution);
  if (attempt) attempt.argv = byHand(sandbox, execution.task);
  const ended = execution.jobserver?.begin();
  await execute(execution, argv).finally(() => ended?.());
}

/** Puts what a task left into the store and writes it through to the disk. */
async function keep(execution: Execution): Promise<Kept> {
  const { store } = execution;
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

/** At most ten calls a second get through, and the last one of a total. */
export function throttled(call: (done: number, total?: number) => void): (done: number, total?: number) => void {
  let last = 0;
  return (done, total) => {
    if (Date.now() - last < 100 && done !== total) return;
    last = Date.now();
    call(done, total);
  };
}
