import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuildOptions, type BuildResult, build } from '../../src/build/builder.ts';
import type { Event } from '../../src/build/event.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { unwrap } from '../../src/diagnostic.ts';
import { createGraph } from '../../src/graph/graph.ts';
import type { Task, TaskId } from '../../src/graph/task.ts';
import type { TaskKind, Workspace } from '../../src/kinds/kind.ts';

/** A store in a new folder, and the means to build graphs of small tasks that Node does. */
export function createBench(folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'))) {
  const events: Event[] = [];
  const kinds = new Map<string, TaskKind<never>>();
  const options = (): BuildOptions => ({
    store: new Store(join(folder, 'store'), (entry) => events.push({ type: 'store-damaged', at: 0, entry })),
    kinds,
    epoch: 1,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    logs: join(folder, 'logs'),
    failed: (id) => join(folder, 'failed', id),
    history: new History(join(folder, 'history.json')),
    times: new Times(join(folder, 'times.json')),
  });
  return {
    folder,
    events,
    options,
    store: (): Store => options().store,
    /** Defines what tasks of a kind do. */
    define(kind: string, run: (workspace: Workspace, params: never) => Promise<void>): void {
      kinds.set(kind, { kind, revision: 1, run });
    },
    async build(tasks: readonly Task[], target: string, more: Partial<BuildOptions> = {}): Promise<BuildResult> {
      events.length = 0;
      const graph = unwrap(createGraph(tasks, [target as TaskId]));
      return build(graph, [target as TaskId], { ...options(), ...more });
    },
    /** The ids of the tasks that ran in the last build, in order. */
    ran(): string[] {
      return events.flatMap((event) => (event.type === 'task-finished' && event.outcome === 'ran' ? [event.task] : []));
    },
    reasons(): Record<string, string> {
      return Object.fromEntries(events.flatMap((e) => (e.type === 'task-started' ? [[e.task, e.reason]] : [])));
    },
  };
}

/** A task that Node does; inputs may be given as `task:artifact`, or as any Input. */
export function task(
  id: string,
  kind: string,
  inputs: Record<string, string | Task['inputs'][string]> = {},
  more: Partial<Task> = {},
): Task {
  const resolved = Object.entries(inputs).map(([name, input]) => {
    if (typeof input !== 'string') return [name, input] as const;
    const [from, artifact] = input.split('/') as [string, string];
    return [name, { from: 'task', task: from as TaskId, artifact }] as const;
  });
  return {
    id: id as TaskId,
    kind,
    title: id,
    params: null,
    inputs: Object.fromEntries(resolved) as Task['inputs'],
    outputs: { out: 'file' },
    ...more,
  };
}
