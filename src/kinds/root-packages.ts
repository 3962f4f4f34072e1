import { createHash } from 'node:crypto';
import { copyFileSync, createReadStream, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Failure } from '../diagnostic.ts';
import type { Input, Json, Task, TaskId } from '../graph/task.ts';
import { blobPath, imageManifest, layoutTexts } from '../oci/layout.ts';
import { digestOf } from '../oci/manifest.ts';
import { OCI_LAYER, OCI_MANIFEST } from '../oci/media-types.ts';
import { boardPlatform } from '../oci/platform.ts';
import { artifact } from './command.ts';
import type { TaskKind, Workspace } from './kind.ts';
import { type MergeParams, mergeLayersKind } from './merge-layers.ts';
import type { PlanRoot, RootOwner } from './service-root.ts';

/** `rootfs:`, a root made of the layers of packages, as the board's own is. */
export const planPackagesRoot: PlanRoot = (owner, context) => {
  const layers = (owner.recipe.rootfs ?? []).map((name, index) => {
    // Of a userland its own root, not the form in which the board's root has it.
    const { userland, layer: own } = context.package(name, owner.package);
    const layer = userland ?? own;
    if (layer === undefined) throw noLayer(owner, name, index);
    return { name, layer, pack: context.project.package(name) };
  });
  const inputOf = (name: string) => `layers/${name.replaceAll('/', '+')}`;
  const params: MergeParams = {
    layers: layers.map(({ name, pack: { permissions, replace } }) => ({
      name,
      input: inputOf(name),
      permissions,
      replace,
      recipe: `package '${name}'`,
    })),
    permissions: [],
  };
  const merge: Task = {
    id: `${owner.id}:root` as TaskId,
    kind: mergeLayersKind.kind,
    title: `merge the root of ${owner.id}`,
    params: JSON.parse(JSON.stringify(params)) as Json,
    inputs: Object.fromEntries(layers.map(({ name, layer }): [string, Input] => [inputOf(name), layer])),
    outputs: { root: 'file', contents: 'file', largest: 'file' },
    pool: 'disk',
  };
  const layout: Task = {
    id: `${owner.id}:image` as TaskId,
    kind: packImageKind.kind,
    title: `lay out the image of ${owner.id}`,
    params: {},
    inputs: { root: artifact(merge.id, 'root') },
    outputs: { layout: 'tree' },
    pool: 'disk',
  };
  return { tasks: [merge, layout], root: { layout: artifact(layout.id, 'layout') } };
};

/** Makes of one tar, the input `root`, the artifact `layout`: an image of that one layer. Done by Node. */
export const packImageKind: TaskKind<Record<string, never>> = {
  kind: 'pack-image',
  revision: 1,
  run: packImage,
};

async function packImage(workspace: Workspace): Promise<void> {
  const root = workspace.input('root');
  const hash = createHash('sha256');
  await pipeline(createReadStream(root), hash, { signal: workspace.signal });
  const diffId = `sha256:${hash.digest('hex')}`;
  const config = Buffer.from(
    JSON.stringify({
      ...boardPlatform,
      config: { Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] },
      rootfs: { type: 'layers', diff_ids: [diffId] },
    }),
  );
  const manifest = imageManifest(config, [{ mediaType: OCI_LAYER, digest: diffId, size: statSync(root).size }]);
  const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(manifest), size: manifest.length };
  const place = (path: string) => {
    const file = join(workspace.output('layout'), path);
    mkdirSync(dirname(file), { recursive: true });
    return file;
  };
  for (const bytes of [config, manifest]) writeFileSync(place(blobPath(digestOf(bytes))), bytes);
  for (const { name, text } of layoutTexts(descriptor, boardPlatform)) writeFileSync(place(name), text);
  copyFileSync(root, place(blobPath(diffId)));
}

function noLayer({ at }: RootOwner, name: string, index: number): Failure {
  const message = `package '${name}' has nothing to put into a root`;
  return new Failure({ severity: 'error', code: 'service/no-layer', message, at: at('rootfs', index) });
}
