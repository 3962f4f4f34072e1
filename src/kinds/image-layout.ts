import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Task, TaskId } from '../graph/task.ts';
import { TarError } from '../image/tar.ts';
import { fileSource, tarMembers } from '../image/tar-reader.ts';
import { treePath } from '../image/tree-path.ts';
import { blobPath, imageManifest, layoutTexts, type ReadFile, readLayout } from '../oci/layout.ts';
import { type Blame, blameImage, type Descriptor, digestOf } from '../oci/manifest.ts';
import { OCI_LAYER, OCI_MANIFEST } from '../oci/media-types.ts';
import { boardPlatform } from '../oci/platform.ts';
import { artifact } from './command.ts';
import type { ArtifactRef, TaskKind, Workspace } from './kind.ts';

export type LayoutParams = {
  /** How people know the image. */
  what: string;
  /** Which of several in one layout. */
  tag?: string;
};

/**
 * Makes of an image in the input `image` (a layout or what `docker save` writes, unpacked, its layers too) the artifact
 * `layout`: a layout of this one image for the board, as services take it (`service/model.ts`). Every layer is checked to be what
 * the image's config says, and a whole and safe tar. Done by Node.
 */
export const imageLayoutKind: TaskKind<LayoutParams> = {
  kind: 'image-layout',
  revision: 1,
  run: makeLayout,
};

export function imageLayoutTask(
  id: string,
  image: ArtifactRef,
  params: LayoutParams,
): { task: Task; layout: ArtifactRef } {
  const task: Task = {
    id: id as TaskId,
    kind: imageLayoutKind.kind,
    title: `check image ${params.what}`,
    params,
    inputs: { image },
    outputs: { layout: 'tree' },
    pool: 'disk',
  };
  return { task, layout: artifact(id, 'layout') };
}

async function makeLayout(workspace: Workspace, { what, tag }: LayoutParams): Promise<void> {
  const blame = blameImage(what);
  const folder = workspace.input('image');
  const choice = { what, platform: boardPlatform, ...(tag !== undefined && { tag }) };
  const image = readLayout(reader(folder), choice);
  const out = workspace.output('layout');
  const layers: Descriptor[] = [];
  for (const { path, diffId } of image.layers) {
    const size = await copyLayer(join(folder, within(path, blame)), diffId, out, workspace, blame);
    layers.push({ mediaType: OCI_LAYER, digest: diffId, size });
    workspace.log(`layer ${diffId}: ${size} bytes`);
  }
  const manifest = imageManifest(image.configBytes, layers);
  const descriptor = { mediaType: OCI_MANIFEST, digest: digestOf(manifest), size: manifest.length };
  for (const bytes of [image.configBytes, manifest]) write(join(out, blobPath(digestOf(bytes))), bytes);
  for (const { name, text } of layoutTexts(descriptor, boardPlatform)) write(join(out, name), text);
}

function reader(folder: string): ReadFile {
  return (path) => {
    const file = join(folder, path);
    const inside = file.startsWith(folder + sep);
    return inside && statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file) : undefined;
  };
}

/** A path of `docker save`'s manifest.json may say anything. */
function within(path: string, blame: Blame): string {
  const inside = treePath(path);
  if (typeof inside !== 'string') throw blame(`names a layer '${path}', which ${inside.fault}`);
  return inside;
}

/** Copies a layer while its digest is computed. Returns its size in bytes. */
async function copyLayer(
  from: string,
  diffId: string,
  out: string,
  workspace: Workspace,
  blame: Blame,
): Promise<number> {
  if (!statSync(from, { throwIfNoEntry: false })?.isFile()) throw blame(`lacks its layer ${diffId}`);
  const to = join(out, blobPath(diffId));
  mkdirSync(dirname(to), { recursive: true });
  const hash = createHash('sha256');
  const bytes = createReadStream(from, { highWaterMark: 1024 * 1024 });
  bytes.on('data', (chunk) => hash.update(chunk));
  await pipeline(bytes, createWriteStream(to), { signal: workspace.signal });
  const actual = `sha256:${hash.digest('hex')}`;
  if (actual !== diffId) throw blame(`has a layer ${diffId} whose bytes have the digest ${actual}`);
  checkTar(to, diffId, blame);
  return statSync(to).size;
}

/** A whole tar, in which no name leads out of the root. */
function checkTar(file: string, diffId: string, blame: Blame): void {
  const source = fileSource(file);
  try {
    for (const { path } of tarMembers(source)) {
      const inside = treePath(path);
      if (typeof inside !== 'string') throw blame(`has a layer ${diffId} with '${path}', which ${inside.fault}`);
    }
  } catch (error) {
    if (error instanceof TarError) throw blame(`has a layer ${diffId} that ${error.message}`);
    throw error;
  } finally {
    source.close();
  }
}

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
