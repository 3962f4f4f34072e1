import type { ActionResult } from '../graph/reapi.ts';
import type { Artifact, Task } from '../graph/task.ts';

/** Between a task's artifacts by name and the REAPI ActionResult that its trace holds. */

/** The artifacts that a trace names, or undefined when they are not those the task declares. */
export function artifactsOf(task: Task, result: ActionResult): Record<string, Artifact> | undefined {
  const artifacts: Record<string, Artifact> = {};
  for (const { path, digest, executable } of result.files) {
    artifacts[path.slice('out/'.length)] = { type: 'file', digest, executable };
  }
  for (const { path, root } of result.directories)
    artifacts[path.slice('out/'.length)] = { type: 'tree', digest: root };
  const declared = Object.entries(task.outputs);
  return declared.every(([name, type]) => artifacts[name]?.type === type) ? artifacts : undefined;
}

/** What a trace says of a task's artifacts. */
export function resultOf(artifacts: Readonly<Record<string, Artifact>>): ActionResult {
  const entries = Object.entries(artifacts);
  return {
    files: entries.flatMap(([name, artifact]) =>
      artifact.type === 'file'
        ? [{ path: `out/${name}`, digest: artifact.digest, executable: artifact.executable }]
        : [],
    ),
    directories: entries.flatMap(([name, artifact]) =>
      artifact.type === 'tree' ? [{ path: `out/${name}`, root: artifact.digest }] : [],
    ),
  };
}
