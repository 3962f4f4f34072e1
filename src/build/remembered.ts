import { readKept, writeKept } from './kept-file.ts';

/** What is remembered from one build to the next and is never needed for one: values by task, in one file. */
export class Remembered<T> {
  readonly #path: string;
  readonly #values: Record<string, T>;
  readonly #changed = new Set<string>();

  constructor(path: string) {
    this.#path = path;
    this.#values = this.#read();
  }

  get(task: string): T | undefined {
    return this.#values[task];
  }

  set(task: string, value: T): void {
    this.#values[task] = value;
    this.#changed.add(task);
  }

  /** Writes what changed, beside what others wrote meanwhile. That it cannot be written stops no build: the next one knows less. */
  save(): void {
    if (this.#changed.size === 0) return;
    const values = this.#read();
    for (const task of this.#changed) values[task] = this.#values[task] as T;
    this.#changed.clear();
    writeKept(this.#path, JSON.stringify(values));
  }

  #read(): Record<string, T> {
    return JSON.parse(readKept(this.#path) ?? '{}');
  }
}
