/** Places that tasks take while they run; whoever has the highest priority among those waiting gets the next one. */
export class Slots {
  #free: number;
  readonly #waiting: { priority: number; grant: () => void }[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves with the function that gives the place back. */
  async take(priority: number): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((grant) => this.#queue(priority, grant));
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.#waiting.shift();
      if (next) next.grant();
      else this.#free += 1;
    };
  }

  #queue(priority: number, grant: () => void): void {
    const at = this.#waiting.findIndex((other) => other.priority < priority);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, { priority, grant });
  }
}
