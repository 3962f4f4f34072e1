import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { unwrap } from '../diagnostic.ts';
import { type Inode, indexLayer, nothing, plainFolder } from '../image/layer.ts';
import type { RootEntry } from '../image/layers.ts';
import { rootTar } from '../image/root-tar.ts';
import { noXattrs } from '../image/tar.ts';
import { fileSource } from '../image/tar-reader.ts';
import { ancestorsOf, sortByPath } from '../image/tree-path.ts';
import { layerFolder } from '../service/definition.ts';
import { LAYERS, SERVICES } from '../service/model.ts';
import type { TaskKind, Workspace } from './kind.ts';
import { imageIn } from './service-bundle.ts';

export interface ServiceLayerParams {
  /** In the order of the recipe. */
  readonly services: readonly string[];
}

/**
 * Makes the artifact `layer` of all services of a board: each distinct layer of their images once, in a folder of its own,
 * and their configurations. Inputs: `images/<name>`, `config/<name>`, `service/<name>`. Done by Node.
 */
export const serviceLayerKind: TaskKind<ServiceLayerParams> = {
  kind: 'service-layer',
  revision: 1,
  run: makeLayer,
};

async function makeLayer(workspace: Workspace, { services }: ServiceLayerParams): Promise<void> {
  const open: { close(): void }[] = [];
  const source = (path: string) => {
    const file = fileSource(path);
    open.push(file);
    return file;
  };
  const inodes = new Map<string, Inode>();
  try {
    for (const name of services) {
      const folder = workspace.input(`images/${name}`);
      for (const { path, diffId } of imageIn(folder, name).layers) {
        const place = `${LAYERS}/${layerFolder(diffId)}`;
        if (inodes.has(place)) continue;
        const layer = { name: `${name} ${diffId}`, source: source(join(folder, path)), permissions: [], replace: [] };
        inodes.set(place, { ...plainFolder(), meant: true });
        addImageLayer(inodes, place, unwrap(indexLayer(layer)));
        workspace.log(`${place}: ${diffId}`);
      }
      for (const file of ['config', 'service']) {
        const bytes = source(workspace.input(`${file}/${name}`));
        inodes.set(`${SERVICES}/${name}/${file}.json`, plainFile(bytes.size, { source: bytes, offset: 0 }));
      }
    }
    const order = Buffer.from(`${JSON.stringify(services)}\n`);
    inodes.set(`${SERVICES}/order.json`, plainFile(order.length, { bytes: order }));
    for (const path of [...inodes.keys()].flatMap((each) => [...ancestorsOf(each)])) {
      if (!inodes.has(path)) inodes.set(path, plainFolder());
    }
    const root = sortByPath([...inodes].map(([path, inode]): RootEntry => ({ path, inode, layers: [] })));
    const target = createWriteStream(workspace.output('layer'));
    await pipeline(Readable.from(rootTar(root, workspace.epoch)), target, { signal: workspace.signal });
  } finally {
    for (const file of open) file.close();
  }
}

/** What image-spec says is gone (layer.md, "Whiteouts"), as overlayfs says it: a device 0:0, or a folder that is opaque. */
function addImageLayer(inodes: Map<string, Inode>, place: string, index: ReadonlyMap<string, Inode>): void {
  const emptied: string[] = [];
  for (const [path, inode] of index) {
    const slash = path.lastIndexOf('/') + 1;
    const name = path.slice(slash);
    const parent = slash === 0 ? place : `${place}/${path.slice(0, slash - 1)}`;
    if (name === OPAQUE) emptied.push(parent);
    else if (name.startsWith(WHITEOUT)) inodes.set(`${parent}/${name.slice(WHITEOUT.length)}`, gone);
    else if (path !== '') inodes.set(`${place}/${path}`, inode);
  }
  for (const folder of emptied) inodes.set(folder, opaque(inodes.get(folder)));
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

const gone: Inode = {
  type: 'character-device',
  mode: 0,
  uid: 0,
  gid: 0,
  target: '',
  device: { major: 0, minor: 0 },
  xattrs: noXattrs,
  size: 0,
  content: nothing,
  meant: true,
};

function opaque(folder: Inode | undefined): Inode {
  const inode = folder ?? plainFolder();
  return { ...inode, xattrs: new Map([...inode.xattrs, ['trusted.overlay.opaque', Buffer.from('y')]]), meant: true };
}

function plainFile(size: number, content: Inode['content']): Inode {
  return { type: 'file', mode: 0o644, uid: 0, gid: 0, target: '', xattrs: noXattrs, size, content, meant: false };
}
