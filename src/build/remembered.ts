import { readKept, writeKept } from './kept-file.ts';

/** What is remembered from one build to the next and is never needed for one: values by task, in one file. */
export class Remembered<T> {
  readonly #path: string;
  readonly #values: Record<string, T>;
  #changed = false;

  constructor(path: string) {
    this.#path = path;
    this.#values = JSON.parse(readKept(path) ?? '{}');
  }

  get(task: string): T | undefined {
    return this.#values[task];
  }

  set(task: string, value: T): void {
    this.#values[task] = value;
    this.#changed = true;
  }

  /** Writes what changed. That it cannot be written stops no build: the next one knows less. */
  save(): void {
    if (this.#changed) writeKept(this.#path, JSON.stringify(this.#values));
  }
}
