import { mkdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { quote } from '../kinds/script.ts';
import { type DeviceTools, deviceSandbox, INSIDE, runTool } from './tools.ts';

/** How a packed image becomes a plain one: the tools tree, and a shell command from `in` to `out`. */
interface Unpacker {
  readonly tree: 'image' | 'emulator';
  command(from: string, to: string): string;
}

const unpackers: readonly (readonly [RegExp, Unpacker])[] = [
  [/\.zst$/, { tree: 'image', command: (from, to) => `zstd -dqf --sparse ${from} -o ${to}` }],
  [/\.xz$/, { tree: 'image', command: (from, to) => `xz -dc ${from} | dd of=${to} bs=1M conv=sparse status=none` }],
  [/\.qcow2$/, { tree: 'emulator', command: (from, to) => `qemu-img convert -O raw ${from} ${to}` }],
];

/** Whether an image is of a format that must be unpacked first, by the ending of its name. */
export function isPacked(path: string): boolean {
  return unpackers.some(([ending]) => ending.test(path));
}

export interface UnpackedImage {
  /** Absolute. */
  readonly path: string;
  remove(): Promise<void>;
}

/** Unpacks `.zst`, `.xz` or `.qcow2` into a folder. Throws a `Failure` when it is damaged. */
export async function unpackImage(
  path: string,
  folder: string,
  tools: DeviceTools,
  signal: AbortSignal,
): Promise<UnpackedImage> {
  const unpacker = unpackers.find(([ending]) => ending.test(path))?.[1];
  if (unpacker === undefined) return { path, remove: async () => {} };
  await mkdir(folder, { recursive: true });
  const name = `.unpacked-${process.pid}.img`;
  const target = join(folder, name);
  const remove = (): Promise<void> => rm(target, { force: true });
  const sandbox = deviceSandbox(tools, unpacker.tree, [
    { source: dirname(path), target: `${INSIDE}/in` },
    { source: folder, target: `${INSIDE}/out`, writable: true },
  ]);
  const command = unpacker.command(quote(`${INSIDE}/in/${basename(path)}`), quote(`${INSIDE}/out/${name}`));
  try {
    await stat(path);
    await runTool(sandbox, ['bash', '-o', 'pipefail', '-c', command], signal);
    return { path: target, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
