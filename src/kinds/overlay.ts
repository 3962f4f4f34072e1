import { join } from 'node:path';
import type { Input, Task } from '../graph/task.ts';
import type { Overlay, OverlayEntry } from '../recipe/model.ts';
import { type LayerEntry, layerTask } from './layer.ts';

/** The layer of a folder below overlays/: its files are root's, 0755 where executable, else 0644; templates rendered. */
export function planOverlay(board: string, overlay: Overlay): Task {
  const origin = `${overlay.at.file}:${overlay.at.line}`;
  const files = overlay.entries.filter((entry) => entry.type === 'file' || entry.type === 'template');
  const inputs = files.map((entry): [string, Input] => [`files/${entry.path}`, inputOf(entry, overlay.folder, origin)]);
  return layerTask(
    `${board}:overlay/${overlay.name}`,
    `pack the overlay ${overlay.name}`,
    overlay.entries.map(entryOf),
    Object.fromEntries(inputs),
  );
}

function inputOf(entry: OverlayEntry, folder: string, origin: string): Input {
  if (entry.type === 'template') return { from: 'text', text: entry.text, origin: entry.file };
  return { from: 'project', path: join(folder, entry.path), origin };
}

function entryOf(entry: OverlayEntry): LayerEntry {
  const { path } = entry;
  const root = { path, uid: 0, gid: 0 };
  if (entry.type === 'link') return { ...root, type: 'symlink', target: entry.target };
  if (entry.type === 'folder') return { ...root, type: 'folder', mode: '0755' };
  return { ...root, type: 'file', mode: entry.executable ? '0755' : '0644', input: `files/${path}` };
}
