import { digestOf } from '../graph/reapi.ts';
import type { Artifact, Task } from '../graph/task.ts';
import { Remembered } from './remembered.ts';

/** What a task was made of when it was last decided about: what `why` compares with. */
export interface TaskRecord {
  readonly fingerprint: string;
  readonly kind: string;
  /** Digest of the params; of a script, which is shown as a difference, the text itself. */
  readonly params: string;
  readonly script?: string;
  readonly environment?: string;
  readonly tools?: string;
  readonly epoch: number;
  readonly inputs: Readonly<Record<string, string>>;
}

/** What every task of a graph was made of, kept in one file; losing it loses only explanations. */
export class History {
  readonly #records: Remembered<TaskRecord>;

  constructor(path: string) {
    this.#records = new Remembered(path);
  }

  /** What a task was made of the last time. */
  last(task: Task): TaskRecord | undefined {
    return this.#records.get(task.id);
  }

  set(task: Task, record: TaskRecord): void {
    if (this.last(task)?.fingerprint !== record.fingerprint) this.#records.set(task.id, record);
  }

  save(): void {
    this.#records.save();
  }
}

export function recordOf(
  task: Task,
  kind: string,
  fingerprint: string,
  inputs: Readonly<Record<string, Artifact>>,
  tools: Artifact | undefined,
  epoch: number,
): TaskRecord {
  const { script, env } = (task.params ?? {}) as { script?: string; env?: object };
  return {
    fingerprint,
    kind,
    params: digestOf(JSON.stringify(task.params)).hash,
    ...(script !== undefined && { script }),
    ...(env !== undefined && { environment: JSON.stringify(env) }),
    ...(tools && { tools: tools.digest.hash }),
    epoch,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, artifact]) => [name, artifact.digest.hash])),
  };
}

/** What differs between two records, a phrase each, most telling first; empty when nothing does. */
export function differences(before: TaskRecord, now: TaskRecord): string[] {
  const names = new Set([...Object.keys(before.inputs), ...Object.keys(now.inputs)]);
  const inputs = [...names].flatMap((name) => {
    if (before.inputs[name] === undefined) return [`input '${name}' is new`];
    if (now.inputs[name] === undefined) return [`input '${name}' is gone`];
    return before.inputs[name] === now.inputs[name] ? [] : [`input '${name}' changed`];
  });
  const params = before.params !== now.params && before.script === now.script && before.environment === now.environment;
  return [
    ...inputs,
    ...(before.script === now.script ? [] : ['its script changed']),
    ...(before.environment === now.environment ? [] : ['its environment changed']),
    ...(params ? ['its parameters changed'] : []),
    ...(before.tools === now.tools ? [] : ['its tools changed']),
    ...(before.kind === now.kind ? [] : ['pibuild does this kind of task differently now']),
    ...(before.epoch === now.epoch ? [] : ['the project epoch changed']),
  ];
}
