import type { Input, Pool, Task, TaskId } from '../graph/task.ts';
import type { ArtifactRef, CommandSpec, TaskKind } from './kind.ts';

/** A bash script in the sandbox: what most tasks are. */
export const commandKind: TaskKind<CommandSpec> = {
  kind: 'command',
  revision: 1,
  command: (params) => params,
};

export interface CommandTask extends CommandSpec {
  readonly id: string;
  readonly title: string;
  readonly tools: ArtifactRef;
  readonly inputs?: Readonly<Record<string, Input>>;
  readonly outputs: Task['outputs'];
  readonly pool?: Pool;
  readonly expected?: number;
}

/** The task that runs a script with these tools, inputs (`in/<name>`) and artifacts (`out/<name>`). */
export function commandTask(options: CommandTask): Task {
  const { script, env, ccache, namespaces } = options;
  return {
    id: options.id as TaskId,
    kind: commandKind.kind,
    title: options.title,
    params: { script, ...(env && { env }), ...(ccache !== undefined && { ccache }), ...(namespaces && { namespaces }) },
    inputs: options.inputs ?? {},
    tools: options.tools,
    outputs: options.outputs,
    ...(options.pool && { pool: options.pool }),
    ...(options.expected !== undefined && { expected: options.expected }),
  };
}

/** A reference to another task's artifact. */
export function artifact(task: string, name: string): ArtifactRef {
  return { from: 'task', task: task as TaskId, artifact: name };
}
