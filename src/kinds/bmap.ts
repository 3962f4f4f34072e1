import { writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Task, TaskId } from '../graph/task.ts';
import { bmapOf } from '../image/bmap.ts';
import { fileSource } from '../image/tar-reader.ts';
import { artifact } from './command.ts';
import type { TaskKind, Workspace } from './kind.ts';

/** Finds which blocks of a card image (input `image`) must be written: the artifact `bmap`. Done by Node. */
export const bmapKind: TaskKind<null> = { kind: 'bmap', revision: 1, run: makeBmap };

export function planBmap(board: string): Task {
  return {
    id: `${board}:bmap` as TaskId,
    kind: bmapKind.kind,
    title: 'make the block map',
    params: null,
    inputs: { image: artifact(`${board}:disk`, 'image') },
    outputs: { bmap: 'file' },
    pool: 'disk',
  };
}

async function makeBmap(workspace: Workspace): Promise<void> {
  const image = fileSource(workspace.input('image'));
  try {
    const pause = async () => {
      workspace.signal.throwIfAborted();
      await setImmediate();
    };
    writeFileSync(workspace.output('bmap'), await bmapOf(image, pause));
  } finally {
    image.close();
  }
}
