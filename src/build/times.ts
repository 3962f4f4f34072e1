import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { dependencies } from '../graph/graph.ts';
import type { Task, TaskId } from '../graph/task.ts';

/** How long tasks took when they last ran, so that the longest way through the graph is begun first. */
export class Times {
  readonly #path: string;
  #times: Record<string, number> = {};
  #changed = false;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#times = JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      // Nothing ran here yet.
    }
  }

  set(task: TaskId, milliseconds: number): void {
    this.#times[task] = milliseconds;
    this.#changed = true;
  }

  /** For each task the length of the longest way from its start to the end of the build, in milliseconds. `tasks` is in order. */
  priorities(tasks: readonly Task[]): Map<TaskId, number> {
    const longest = new Map<TaskId, number>();
    for (const task of [...tasks].reverse()) {
      const way = (longest.get(task.id) ?? 0) + (this.#times[task.id] ?? GUESS);
      longest.set(task.id, way);
      for (const id of dependencies(task)) longest.set(id, Math.max(longest.get(id) ?? 0, way));
    }
    return longest;
  }

  save(): void {
    if (!this.#changed) return;
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      writeFileSync(`${this.#path}.${process.pid}`, JSON.stringify(this.#times));
      renameSync(`${this.#path}.${process.pid}`, this.#path);
    } catch {
      // The next build orders its tasks a little worse.
    }
  }
}

/** Of a task that never ran, in milliseconds. */
const GUESS = 5_000;
