import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Json, Task, TaskId } from '../graph/task.ts';
import type { Contents } from '../image/contents.ts';
import type { Board } from '../recipe/model.ts';
import { artifact } from './command.ts';
import { diskId } from './disk.ts';
import type { TaskKind, Workspace } from './kind.ts';

/** What is in an image, for people and programs: the artifact `manifest`. Sizes are bytes. */
export interface Manifest {
  readonly board: string;
  readonly version: string;
  readonly image: { readonly size: number; readonly id: string };
  readonly boot: {
    readonly label: string;
    readonly files: readonly { readonly path: string; readonly bytes: number }[];
  };
  readonly root: { readonly label: string; readonly format: string } & Contents;
}

interface ManifestParams {
  readonly board: string;
  readonly version: string;
  readonly id: string;
  readonly boot: { readonly label: string };
  readonly root: { readonly label: string; readonly format: string };
}

/** Writes down what went into an image. Done by Node. */
export const manifestKind: TaskKind<ManifestParams> = { kind: 'manifest', revision: 1, run: writeManifest };

export function planManifest(board: Board): Task {
  const { boot, root } = board.image.partitions;
  const params: ManifestParams = {
    board: board.name,
    version: board.version,
    id: diskId(board),
    boot: { label: boot.label },
    root: { label: root.label, format: root.format },
  };
  return {
    id: `${board.name}:manifest` as TaskId,
    kind: manifestKind.kind,
    title: 'write down what is in the image',
    params: params as unknown as Json,
    inputs: {
      contents: artifact(`${board.name}:root`, 'contents'),
      files: artifact(`${board.name}:boot-files`, 'files'),
      image: artifact(`${board.name}:disk`, 'image'),
    },
    outputs: { manifest: 'file' },
  };
}

async function writeManifest(workspace: Workspace, params: ManifestParams): Promise<void> {
  const contents: Contents = JSON.parse(readFileSync(workspace.input('contents'), 'utf8'));
  const manifest: Manifest = {
    board: params.board,
    version: params.version,
    image: { size: statSync(workspace.input('image')).size, id: params.id },
    boot: { ...params.boot, files: filesBelow(workspace.input('files')) },
    root: { ...params.root, ...contents },
  };
  writeFileSync(workspace.output('manifest'), `${JSON.stringify(manifest, null, 2)}\n`);
}

function filesBelow(folder: string): Manifest['boot']['files'] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(folder, file), bytes: statSync(file).size }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
