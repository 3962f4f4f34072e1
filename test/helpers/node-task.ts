import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Failure, formatDiagnostic } from '../../src/diagnostic.ts';
import type { Task } from '../../src/graph/task.ts';
import type { TaskKind, Workspace } from '../../src/kinds/kind.ts';

export type Files = Readonly<Record<string, string | Buffer>>;

/** Runs a task that Node does over these input files; a name that ends in `@` is a link. */
export async function runTask<Params>(kind: TaskKind<Params>, params: Params, inputs: Files) {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-task-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const place = (...parts: string[]) => {
    const path = join(folder, ...parts);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  for (const [path, content] of Object.entries(inputs)) {
    if (path.endsWith('@')) symlinkSync(content.toString(), place('in', path.slice(0, -1)));
    else writeFileSync(place('in', path), content);
  }
  const log: string[] = [];
  const workspace: Workspace = {
    task: {} as Task,
    input: (name) => join(folder, 'in', name),
    output: (name) => place('out', name),
    scratch: folder,
    epoch: 1,
    signal: new AbortController().signal,
    log: (line) => log.push(line),
    progress: () => {},
  };
  const error = await kind.run?.(workspace, params).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error !== undefined && !(error instanceof Failure)) throw error;
  return {
    log,
    told: error?.diagnostics.map(formatDiagnostic).join('\n'),
    out: (name: string) => join(folder, 'out', name),
  };
}
