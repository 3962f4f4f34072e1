import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What is remembered from one build to the next and is never needed for one: values by task, in one file. */
export class Remembered<T> {
  readonly #path: string;
  #values: Record<string, T> = {};
  #changed = false;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#values = JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      // Never written, or unreadable: both mean that nothing is known.
    }
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
    if (!this.#changed) return;
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      writeFileSync(`${this.#path}.${process.pid}`, JSON.stringify(this.#values));
      renameSync(`${this.#path}.${process.pid}`, this.#path);
    } catch {
      // A full disk, or a store that is only read.
    }
  }
}
