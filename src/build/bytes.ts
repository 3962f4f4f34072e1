import { fail } from '../diagnostic.ts';
import { digestOf } from '../graph/reapi.ts';
import type { Artifact, Input } from '../graph/task.ts';
import type { Store } from './store.ts';
import { copyTreeIn, projectArtifact, unpackTree } from './tree.ts';

/** An input that is there without a task. */
type Given = Exclude<Input, { from: 'task' }>;

/** What an input is at the moment: its type and digest. */
export function artifactOf(input: Given): Promise<Artifact> {
  if (input.from === 'project') return projectArtifact(input.path);
  return Promise.resolve({ type: 'file', digest: digestOf(input.text), executable: input.executable ?? false });
}

/** Where an artifact's bytes are, verified, or undefined when the store lacks any of them. */
export async function bytesOf(store: Store, artifact: Artifact): Promise<string | undefined> {
  return artifact.type === 'tree'
    ? unpackTree(store, artifact.digest)
    : store.blob(artifact.digest, artifact.executable);
}

/**
 * Where the bytes of an input are in the store, which gets them if it lacks them.
 *
 * @throws Failure `task/inputs-change` when they are others by now
 */
export async function bringIn(store: Store, input: Given, artifact: Artifact): Promise<string> {
  if (input.from === 'text') store.putBytes(Buffer.from(input.text), input.executable ?? false);
  if (input.from === 'project' && (await bytesOf(store, artifact)) === undefined) {
    if (artifact.type === 'tree') await copyTreeIn(store, input.path);
    else await store.copyIn(input.path, artifact.executable);
  }
  const path = await bytesOf(store, artifact);
  if (path !== undefined) return path;
  throw fail('task/inputs-change', `'${input.from === 'project' ? input.path : 'a text'}' changed while it was read`);
}
