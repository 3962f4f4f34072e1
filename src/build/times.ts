import { dependencies } from '../graph/graph.ts';
import type { Task, TaskId } from '../graph/task.ts';
import { Remembered } from './remembered.ts';

/** How long tasks took when they last ran, so that the longest way through the graph is begun first. */
export class Times {
  readonly #times: Remembered<number>;

  constructor(path: string) {
    this.#times = new Remembered(path);
  }

  set(task: TaskId, milliseconds: number): void {
    this.#times.set(task, milliseconds);
  }

  /** For each task the length of the longest way from its start to the end of the build, in milliseconds. `tasks` is in order. */
  priorities(tasks: readonly Task[]): Map<TaskId, number> {
    const longest = new Map<TaskId, number>();
    for (const task of [...tasks].reverse()) {
      const way = (longest.get(task.id) ?? 0) + (this.#times.get(task.id) ?? (task.expected ?? GUESS) * 1000);
      longest.set(task.id, way);
      for (const id of dependencies(task)) longest.set(id, Math.max(longest.get(id) ?? 0, way));
    }
    return longest;
  }

  save(): void {
    this.#times.save();
  }
}

/** Of a task that never ran and says nothing itself, in seconds. */
const GUESS = 2;
