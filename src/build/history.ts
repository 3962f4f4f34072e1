import { digestOf } from '../graph/reapi.ts';
import type { Artifact, Json, Task } from '../graph/task.ts';
import { Remembered } from './remembered.ts';

/** What a task was made of when it was last decided about: what `why` compares with. */
export interface TaskRecord {
  readonly fingerprint: string;
  readonly kind: string;
  /** Digest of the params; of a script, which is shown as a difference, the text itself. */
  readonly params: string;
  readonly script?: string;
  readonly environment?: string;
  /** The params without those two, to be shown as a difference. */
  readonly parameters?: Json;
  readonly tools?: string;
  readonly epoch: number;
  readonly inputs: Readonly<Record<string, string>>;
  /** Hashes of blobs: what the recipes said that the task may come from (`recipe/values.ts`). */
  readonly recipes?: readonly string[];
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

  /** `recipes` keeps what the recipes say, and gives what it is kept under. */
  set(task: Task, record: TaskRecord, recipes: () => readonly string[] | undefined = () => undefined): void {
    if (this.last(task)?.fingerprint === record.fingerprint) return;
    const kept = recipes();
    this.#records.set(task.id, kept ? { ...record, recipes: kept } : record);
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
  const {
    script,
    env,
    ccache: _faster,
    namespaces: _freer,
    ...parameters
  } = (task.params ?? {}) as {
    script?: string;
    env?: Json;
    [key: string]: Json | undefined;
  };
  return {
    fingerprint,
    kind,
    params: digestOf(JSON.stringify(task.params)).hash,
    ...(script !== undefined && { script }),
    ...(env !== undefined && { environment: JSON.stringify(env) }),
    ...(Object.keys(parameters).length > 0 && { parameters: parameters as Json }),
    ...(tools && { tools: tools.digest.hash }),
    epoch,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, artifact]) => [name, artifact.digest.hash])),
  };
}

/** One thing that differs between two records. `before` and `now` are digests of inputs and tools, else texts. */
export interface Change {
  readonly what: 'input' | 'script' | 'environment' | 'parameters' | 'tools' | 'kind' | 'epoch';
  /** Of an input. */
  readonly name?: string;
  readonly before?: string;
  readonly now?: string;
}

/** What differs between two records, most telling first; empty when nothing does. */
export function changesBetween(before: TaskRecord, now: TaskRecord): Change[] {
  const names = new Set([...Object.keys(before.inputs), ...Object.keys(now.inputs)]);
  const inputs = [...names].map((name) => ({ ...changeOf('input', before.inputs[name], now.inputs[name]), name }));
  const changes: Change[] = [
    ...inputs,
    changeOf('script', before.script, now.script),
    changeOf('environment', linesOf(parsed(before.environment)), linesOf(parsed(now.environment))),
    changeOf('parameters', linesOf(before.parameters), linesOf(now.parameters)),
    changeOf('tools', before.tools, now.tools),
    changeOf('kind', before.kind, now.kind),
    changeOf('epoch', String(before.epoch), String(now.epoch)),
  ].filter((change) => change.before !== change.now);
  // What a record of an older pibuild did not hold apart.
  const other = before.params !== now.params && !changes.some(({ what }) => PARAMS.includes(what));
  return other ? [...changes, { what: 'parameters' }] : changes;
}

const PARAMS: readonly Change['what'][] = ['script', 'environment', 'parameters'];

/** A change as a phrase. */
export function phrase({ what, name, before, now }: Change): string {
  switch (what) {
    case 'input':
      return `input '${name}' ${before === undefined ? 'is new' : now === undefined ? 'is gone' : 'changed'}`;
    case 'kind':
      return 'pibuild does this kind of task differently now';
    case 'epoch':
      return 'the project epoch changed';
    default:
      return `its ${what} changed`;
  }
}

/** What differs between two records, a phrase each. */
export function differences(before: TaskRecord, now: TaskRecord): string[] {
  return changesBetween(before, now).map(phrase);
}

function changeOf(what: Change['what'], before: string | undefined, now: string | undefined): Change {
  return { what, ...(before !== undefined && { before }), ...(now !== undefined && { now }) };
}

function parsed(text: string | undefined): Json | undefined {
  return text === undefined ? undefined : JSON.parse(text);
}

/** A value on lines, to be compared line by line: `name: value` for each that is in it. */
function linesOf(value: Json | undefined): string | undefined {
  if (value === undefined) return undefined;
  const lines: string[] = [];
  const visit = (inner: Json, path: string): void => {
    if (typeof inner !== 'object' || inner === null) lines.push(`${path}: ${inner}`);
    else for (const [key, item] of Object.entries(inner)) visit(item, path === '' ? key : `${path}.${key}`);
  };
  visit(value, '');
  return lines.join('\n');
}
