import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Builder, type BuildOptions } from '../../src/build/builder.ts';
import type { Event } from '../../src/build/event.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { unwrap } from '../../src/diagnostic.ts';
import { createGraph } from '../../src/graph/graph.ts';
import type { Task, TaskId } from '../../src/graph/task.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { planBoard } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { checkout, sharedStore } from './tools.ts';

/**
 * Builds tasks of a board for real. `files` are those of a user's own project, by path; all else is pibuild's own.
 * `more` adds tasks to the board's, which it gets to look at.
 */
export function boardBench(
  files: Readonly<Record<string, string>>,
  board: string,
  more: (plan: ReturnType<typeof planBoard>) => readonly Task[] = () => [],
) {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-board-'));
  for (const [path, text] of Object.entries({ 'pibuild.yaml': '', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const project = loadProject({ folder, installation: checkout, kinds: packageKinds });
  const plan = planBoard(project, board);
  const events: Event[] = [];
  const options: BuildOptions = {
    store: new Store(sharedStore),
    kinds: taskKinds,
    epoch: project.epoch,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    logs: join(folder, 'logs'),
    failed: (id) => join(folder, 'failed', id.replaceAll('/', '+')),
    history: new History(join(folder, 'history.json')),
    times: new Times(join(folder, 'times.json')),
  };
  const builderOf = (target: string): Builder => {
    const tasks = [...plan.graph.tasks.values(), ...more(plan)];
    return new Builder(unwrap(createGraph(tasks, [target as TaskId], plan.graph.sandbox)), options);
  };
  return {
    folder,
    /** Builds a task: how it ended, and the last lines of the task that failed. */
    async build(target: string) {
      const result = await builderOf(target).build([target as TaskId]);
      const tail = events.flatMap((event) => (event.type === 'task-failed' ? event.tail : []));
      return { ...result, tail };
    },
    /** Builds a task; the path of one of its artifacts. Throws when it fails. */
    async path(target: string, artifact: string): Promise<string> {
      const builder = builderOf(target);
      const result = await builder.build([target as TaskId]);
      const tail = events.flatMap((event) => (event.type === 'task-failed' ? event.tail : []));
      if (!result.ok) throw new Error([...result.diagnostics.map(({ message }) => message), ...tail].join('\n'));
      return builder.path({ from: 'task', task: target as TaskId, artifact });
    },
  };
}
