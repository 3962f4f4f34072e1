import type { BuildResult } from '../build/builder.ts';
import type { Emit } from '../build/event.ts';
import type { Store } from '../build/store.ts';
import { fail } from '../diagnostic.ts';
import type { Artifact, Digest } from '../graph/task.ts';
import type { ArtifactRef } from '../kinds/kind.ts';
import { ProjectPaths } from '../paths.ts';
import type { BoardPlan } from '../plan.ts';
import type { Project } from '../recipe/model.ts';
import { type PublishedImage, publish } from './publish.ts';

/** Leaves what a board's build came to in `output/<board>/`, and says so. `store` is the one that it was built in. */
export async function leaveResults(
  store: Store,
  project: Project,
  plan: BoardPlan,
  result: BuildResult,
  emit: Emit,
): Promise<PublishedImage> {
  const { name: board } = plan.board;
  const { image, bmap, manifest, formats } = plan.image;
  const results = {
    image: artifactOf(result, image),
    bmap: artifactOf(result, bmap),
    manifest: artifactOf(result, manifest),
    formats: new Map(
      [...formats]
        // Who only runs or writes the image does not make them.
        .filter(([, { task }]) => result.artifacts.has(task))
        .map(([format, ref]) => [ENDINGS[format] ?? format, artifactOf(result, ref)]),
    ),
  };
  const published = await publish(results, board, new ProjectPaths(project.root), (digest) => blobOf(store, digest));
  emit({ type: 'image-ready', at: Date.now(), board, ...published });
  return published;
}

/** What a file is called where that is not what its format is. */
const ENDINGS: Readonly<Record<string, string>> = { oci: 'oci.tar' };

function artifactOf(result: BuildResult, ref: ArtifactRef): Artifact {
  const artifact = result.artifacts.get(ref.task)?.[ref.artifact];
  if (artifact === undefined) throw new Error(`${ref.task} left no ${ref.artifact}`);
  return artifact;
}

async function blobOf(store: Store, digest: Digest): Promise<string> {
  const path = await store.blob(digest);
  if (path !== undefined) return path;
  throw fail('store/lost', 'a result was damaged right after it was found', 'run the same command again');
}
