import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Input, Task, TaskId } from '../graph/task.ts';
import { type Inode, nothing } from '../image/layer.ts';
import { rootTar } from '../image/root-tar.ts';
import { noXattrs } from '../image/tar.ts';
import { type ByteSource, fileSource } from '../image/tar-reader.ts';
import { sortByPath } from '../image/tree-path.ts';
import type { TaskKind, Workspace } from './kind.ts';

/** What a layer made of single files holds. Modes are octal text, as in recipes. */
export type LayerEntry = { readonly path: string; readonly uid: number; readonly gid: number } & (
  | { readonly type: 'folder'; readonly mode: string }
  /** `input` names the task's input that has its bytes. */
  | { readonly type: 'file'; readonly mode: string; readonly input: string }
  | { readonly type: 'symlink'; readonly target: string }
);

export interface LayerParams {
  readonly entries: readonly LayerEntry[];
}

/** Packs files with given modes and owners into the artifact `layer`: overlays, accounts. Done by Node. */
export const layerKind: TaskKind<LayerParams> = {
  kind: 'layer',
  revision: 1,
  run: packLayer,
};

export function layerTask(
  id: string,
  title: string,
  entries: readonly LayerEntry[],
  inputs: Readonly<Record<string, Input>>,
): Task {
  const params = { entries: entries.map((entry) => ({ ...entry })) };
  return { id: id as TaskId, kind: layerKind.kind, title, params, inputs, outputs: { layer: 'file' } };
}

async function packLayer(workspace: Workspace, { entries }: LayerParams): Promise<void> {
  const open: { close(): void }[] = [];
  const source = (input: string): ByteSource => {
    const file = fileSource(workspace.input(input));
    open.push(file);
    return file;
  };
  try {
    const root = entries.map((entry) => ({ path: entry.path, inode: inodeOf(entry, source), layers: [] }));
    const target = createWriteStream(workspace.output('layer'));
    await pipeline(Readable.from(rootTar(sortByPath(root), workspace.epoch)), target, { signal: workspace.signal });
  } finally {
    for (const file of open) file.close();
  }
}

function inodeOf(entry: LayerEntry, source: (input: string) => ByteSource): Inode {
  const common = {
    uid: entry.uid,
    gid: entry.gid,
    target: '',
    xattrs: noXattrs,
    size: 0,
    content: nothing,
    meant: true,
  };
  if (entry.type === 'symlink') return { ...common, type: 'symlink', mode: 0o777, target: entry.target };
  const mode = Number.parseInt(entry.mode, 8);
  if (entry.type === 'folder') return { ...common, type: 'folder', mode };
  const bytes = source(entry.input);
  return { ...common, type: 'file', mode, size: bytes.size, content: { source: bytes, offset: 0 } };
}
