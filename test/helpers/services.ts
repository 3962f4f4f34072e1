import { PassThrough } from 'node:stream';
import type { Host } from '../../src/commands/context.ts';
import { pibuild } from '../../src/commands/program.ts';
import { type Diagnostic, Failure } from '../../src/diagnostic.ts';
import { buildWith, sharedStore } from './tools.ts';

/** Runs pibuild in a project, in this process, with the shared store. */
export async function runPibuild(
  project: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { signal = new AbortController().signal, onText }: { signal?: AbortSignal; onText?: (text: string) => void } = {},
): Promise<{ code: number; text: string }> {
  const output = new PassThrough();
  let text = '';
  output.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    onText?.(text);
  });
  const streams = { stdin: new PassThrough(), stdout: output, stderr: output };
  const host: Host = { cwd: project, env: { ...process.env, ...env }, ...streams, signal };
  const code = await pibuild(['--store', sharedStore, ...words], host);
  return { code, text };
}

/** Builds the root of a package of kind `service`: where its layout is, or what the user is told. */
export async function serviceLayout(
  project: string,
  name: string,
): Promise<{ ok: boolean; path: string; told: readonly Diagnostic[]; output: readonly string[] }> {
  try {
    let task = '';
    const built = await buildWith(
      [name],
      (provides) => {
        const { service } = provides(name);
        if (!service) throw new Error(`${name} is no service`);
        task = service.layout.task;
        return { tasks: [], target: task };
      },
      { folder: project },
    );
    const path = built.ok ? await built.output(task, 'layout') : '';
    const output = built.events.flatMap((event) => (event.type === 'task-output' ? [event.line] : []));
    return { ok: built.ok, path, told: built.diagnostics, output };
  } catch (error) {
    if (error instanceof Failure) return { ok: false, path: '', told: error.diagnostics, output: [] };
    throw error;
  }
}
