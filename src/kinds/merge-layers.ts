import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Failure, unwrap } from '../diagnostic.ts';
import { contentsOf } from '../image/contents.ts';
import { EXT4_BLOCK, ext4Need, ext4Of } from '../image/ext4.ts';
import { formatBytes, formatSizes } from '../image/largest.ts';
import type { Layer } from '../image/layer.ts';
import { mergeLayers, type Root } from '../image/layers.ts';
import { rootTar, withAppended } from '../image/root-tar.ts';
import { fileSource } from '../image/tar-reader.ts';
import type { Permission } from '../recipe/schema.ts';
import type { TaskKind, Workspace } from './kind.ts';

export interface MergeParams {
  readonly layers: readonly {
    readonly name: string;
    readonly input: string;
    readonly permissions: readonly Permission[];
    readonly replace: readonly string[];
    readonly recipe: string;
  }[];
  /** The board's own. */
  readonly permissions: readonly Permission[];
  /** Bytes of the ext4 that the root must fit in; absent: it is not known beforehand. */
  readonly ext4?: number;
}

/**
 * Merges layers into the artifacts `root` (one canonical tar), `contents` (JSON of `Contents`) and `largest` (text for
 * people). os-release gets a BUILD_ID that names exactly these layers. Done by Node.
 */
export const mergeLayersKind: TaskKind<MergeParams> = {
  kind: 'merge-layers',
  revision: 1,
  run: merge,
};

async function merge(workspace: Workspace, params: MergeParams): Promise<void> {
  const sources = params.layers.map(({ input }) => fileSource(workspace.input(input)));
  try {
    const layers = params.layers.map(
      (layer, index): Layer => ({ ...layer, source: sources[index] as Layer['source'] }),
    );
    const merged = unwrap(mergeLayers(layers, params.permissions));
    const root = stamped(workspace, merged, await buildId(workspace, params));
    const contents = contentsOf(
      root,
      params.layers.map(({ name }) => name),
    );
    if (params.ext4 !== undefined) checkFit(root, params.ext4, contents.largest);
    const total = contents.bytes;
    workspace.log(`${contents.files} files, ${formatBytes(total)} bytes from ${layers.length} layers`);
    writeFileSync(workspace.output('contents'), `${JSON.stringify(contents, null, 2)}\n`);
    writeFileSync(
      workspace.output('largest'),
      formatSizes(contents.largest)
        .map((line) => `${line}\n`)
        .join(''),
    );
    await writeRoot(workspace, root, total);
  } finally {
    for (const source of sources) source.close();
  }
}

async function writeRoot(workspace: Workspace, root: Root, total: number): Promise<void> {
  function* counted(): Generator<Buffer> {
    let done = 0;
    for (const piece of rootTar(root, workspace.epoch)) {
      yield piece;
      done += piece.length;
      workspace.progress(Math.min(done, total), total);
    }
  }
  await pipeline(Readable.from(counted()), createWriteStream(workspace.output('root')), { signal: workspace.signal });
}

/** The digest of all that decides what the root is: the layers in order, and what is done to them. */
async function buildId(workspace: Workspace, params: MergeParams): Promise<string> {
  const id = createHash('sha256');
  for (const { name, input, permissions, replace } of params.layers) {
    const layer = createHash('sha256');
    await pipeline(createReadStream(workspace.input(input), { highWaterMark: 1024 * 1024 }), layer, {
      signal: workspace.signal,
    });
    id.update(JSON.stringify([name, layer.digest('hex'), permissions, replace]));
  }
  return id.update(JSON.stringify(params.permissions)).digest('hex');
}

/** os-release(5): "BUILD_ID: a string uniquely identifying the system image". */
function stamped(workspace: Workspace, root: Root, id: string): Root {
  for (const path of ['usr/lib/os-release', 'etc/os-release']) {
    const result = withAppended(root, path, `BUILD_ID=${id}\n`);
    if (result !== undefined) return result;
  }
  workspace.log('no layer brings os-release, so the root does not say which build it is');
  return root;
}

function checkFit(root: Root, size: number, largest: Parameters<typeof formatSizes>[0]): void {
  const { room, inodes } = ext4Of(size);
  let need = ext4Need(root, false);
  if (need.blocks > room) need = ext4Need(root, true);
  if (need.blocks > room) throw tooLarge(size, `${formatBytes((need.blocks - room) * EXT4_BLOCK)} bytes`, largest);
  if (need.inodes > inodes) throw tooLarge(size, `${formatBytes(need.inodes - inodes)} files`, largest);
}

function tooLarge(size: number, excess: string, largest: Parameters<typeof formatSizes>[0]): Failure {
  return new Failure({
    severity: 'error',
    code: 'image/too-large',
    message: `the root does not fit its partition of ${formatBytes(size)} bytes: ${excess} too many`,
    hint: "give the board's image.partitions.root a larger size, or leave something out",
    notes: [{ message: 'the largest:' }, ...formatSizes(largest).map((message) => ({ message }))],
  });
}
