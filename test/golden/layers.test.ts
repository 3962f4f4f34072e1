import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import type { Layer } from '../../src/image/layer.ts';
import { mergeLayers } from '../../src/image/layers.ts';
import type { Permission } from '../../src/recipe/schema.ts';
import { layerOf, rootLines } from '../helpers/layers.ts';

/**
 * What layers become, or what a user is told. `<case>.input` holds layers: a line `-- name --`, then entries as
 * `layerOf` reads them, `! path mode uid:gid` for a permission of the layer and `~ path` for one that it may replace;
 * `-- board --` holds the board's permissions. `<case>.expected` is the merged root, or the diagnostics.
 */
const folder = join(import.meta.dirname, 'layers');

describe('layers are merged, or what is wrong is explained', () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith('.input'));

  test.each(cases)('%s', async (file) => {
    const { layers, permissions } = await parseInput(readFileSync(join(folder, file), 'utf8'));
    const merged = mergeLayers(layers, permissions);
    const text = merged.ok
      ? (await rootLines(merged.value)).join('\n')
      : merged.diagnostics.map(formatDiagnostic).join('\n');
    await expect(`${text}\n`).toMatchFileSnapshot(join(folder, file.replace(/input$/, 'expected')));
  });
});

async function parseInput(text: string): Promise<{ layers: Layer[]; permissions: Permission[] }> {
  const [, ...parts] = text.split(/^-- (.+) --\n/m);
  const layers: Layer[] = [];
  const permissions: Permission[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const name = parts[at] as string;
    const lines = (parts[at + 1] ?? '').split('\n').filter((line) => line.trim() !== '');
    const own = lines.filter((line) => line.startsWith('! ')).map(parsePermission);
    const replace = lines.filter((line) => line.startsWith('~ ')).map((line) => line.slice(2));
    const entries = lines.filter((line) => !/^[!~] /.test(line));
    if (name === 'board') permissions.push(...own);
    else layers.push(await layerOf(name, entries, { permissions: own, replace }));
  }
  return { layers, permissions };
}

function parsePermission(line: string): Permission {
  const [, path = '', mode, uid, gid] = /^! (\S+)(?: ([0-7]{3,4}))?(?: (\d+):(\d+))?$/.exec(line) ?? [];
  const owner = uid === undefined ? {} : { uid: Number(uid), gid: Number(gid) };
  return { path, ...(mode !== undefined && { mode }), ...owner };
}
