import { type IdentifiedAction, identify } from '../graph/fingerprint.ts';
import { type Directory, digestOf } from '../graph/reapi.ts';
import type { Artifact, Task } from '../graph/task.ts';
import type { CommandSpec, TaskKind } from '../kinds/kind.ts';
import { baseEnvironment } from './sandbox.ts';

/** How a task looks as a REAPI Action: of a sandboxed task the very command that runs, of others a local one. */

/** The name of the script in the work folder, and how it is run. */
export const SCRIPT = 'task.sh';
export const scriptArguments = ['/usr/bin/bash', '-euo', 'pipefail', SCRIPT] as const;

/** A task's script as it is run: fixed umask, and a line that says which command failed. */
export function scriptText(spec: CommandSpec): string {
  return `umask 022; set -E; trap 'echo "failed (exit $?) at line $((LINENO - 1)): $BASH_COMMAND" >&2' ERR\n${spec.script}`;
}

export function commandEnvironment(spec: CommandSpec, epoch: number): Record<string, string> {
  return { ...baseEnvironment, SOURCE_DATE_EPOCH: String(epoch), ...spec.env };
}

/** The identity of a task, given what its inputs are now. `tools` is the root folder of its tools tree. */
export function actionOf(
  task: Task,
  kind: TaskKind<never>,
  inputs: Readonly<Record<string, Artifact>>,
  tools: Directory | undefined,
  epoch: number,
): IdentifiedAction {
  const files = Object.fromEntries(Object.entries(inputs).map(([name, artifact]) => [`in/${name}`, artifact]));
  const common = {
    outputPaths: Object.keys(task.outputs).map((name) => `out/${name}`),
    salt: `pibuild ${kind.kind}@${kind.revision}`,
    ...(tools && { tools }),
  };
  if (!kind.command) {
    return identify({
      ...common,
      files,
      arguments: ['pibuild', kind.kind, JSON.stringify(task.params)],
      environment: { SOURCE_DATE_EPOCH: String(epoch) },
      platform: { 'pibuild-local': 'true' },
    });
  }
  const spec = kind.command(task.params as never);
  const script: Artifact = { type: 'file', digest: digestOf(scriptText(spec)), executable: false };
  return identify({
    ...common,
    files: { ...files, [SCRIPT]: script },
    arguments: scriptArguments,
    environment: commandEnvironment(spec, epoch),
    platform: { OSFamily: 'linux', ISA: 'x86-64' },
  });
}
