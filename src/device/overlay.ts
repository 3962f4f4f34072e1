import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hashFile } from '../build/hash.ts';
import { type Failure, fail } from '../diagnostic.ts';
import { formatSize } from '../recipe/units.ts';
import type { Patch } from './card-image.ts';
import { type DeviceTools, deviceSandbox, INSIDE, runTool } from './tools.ts';

/** A qcow2 file that holds what the guest writes, over an image that so stays as it is. */
export interface Overlay {
  /** Absolute. */
  readonly path: string;
  /** Whether it holds changes of an earlier run. */
  readonly kept: boolean;
}

/** Which image an overlay was made over: another one does not fit below the same changes. */
interface Base {
  readonly sha256: string;
  /** Milliseconds since 1970: while it is the same, the hash is not taken again. */
  readonly modified: number;
  /** Of the card, in bytes. */
  readonly size: number;
}

export interface OverlayMaker {
  readonly tools: DeviceTools;
  readonly signal: AbortSignal;
}

/** Makes an overlay for one run. The card has `size` bytes, absent: the next power of two. */
export async function makeOverlay(image: string, path: string, maker: OverlayMaker, size?: number): Promise<Overlay> {
  await create(image, path, maker, size);
  return { path, kept: false };
}

/**
 * The overlay whose changes stay between runs, made on first use. Throws a `Failure` when the image is another one
 * than the changes were made on, or the card has another size.
 */
export async function keptOverlay(image: string, path: string, maker: OverlayMaker, size?: number): Promise<Overlay> {
  const note = `${path}.json`;
  const base = await readNote(note);
  const wanted = await sizeOf(image, size);
  if (base !== undefined && size !== undefined && base.size !== size) throw otherSize(path, note, base.size, size);
  const { mtimeMs: modified } = await stat(image);
  if (base?.modified === modified) return { path, kept: true };
  const { hash: sha256 } = await hashFile(image);
  if (base !== undefined && base.sha256 !== sha256) throw otherImage(image, path, note);
  if (base === undefined) await create(image, path, maker, size);
  await writeFile(note, `${JSON.stringify({ sha256, modified, size: base?.size ?? wanted } satisfies Base)}\n`);
  return { path, kept: base !== undefined };
}

/** Writes bytes into an overlay. `folder` of the maker is for a moment's file. */
export async function writeOverlay(
  image: string,
  { path }: Overlay,
  patches: readonly Patch[],
  { tools, signal, folder }: OverlayMaker & { readonly folder: string },
): Promise<void> {
  const bytes = join(folder, 'patch');
  const sandbox = deviceSandbox(tools, 'emulator', [
    { source: image, target: insideImage },
    { source: dirname(path), target: insideOverlays, writable: true },
    { source: folder, target: `${INSIDE}/boot` },
  ]);
  const file = `${insideOverlays}/${basename(path)}`;
  for (const patch of patches) {
    await writeFile(bytes, patch.bytes);
    const write = `write -q -s ${INSIDE}/boot/patch ${patch.at} ${patch.bytes.length}`;
    await runTool(sandbox, ['qemu-io', '-f', 'qcow2', '-c', write, file], signal);
  }
}

/** Where QEMU finds the image and the overlay inside the sandbox. */
export const insideImage = `${INSIDE}/card.img`;
export const insideOverlays = `${INSIDE}/overlay`;

/** The size of a card that QEMU accepts: the next power of two, at least 1 MiB. */
export function cardSize(size: number): number {
  let card = 1 << 20;
  while (card < size) card *= 2;
  return card;
}

async function sizeOf(image: string, asked: number | undefined): Promise<number> {
  const { size } = await stat(image);
  if (asked === undefined) return cardSize(size);
  if (cardSize(asked) !== asked) {
    const [less, more] = [cardSize(asked) / 2, cardSize(asked)].map(formatSize);
    throw fail(
      'device/card-size',
      `no emulated card has ${formatSize(asked)}`,
      `take a power of two, like ${less} or ${more}`,
    );
  }
  if (asked >= size) return asked;
  const message = `the image ${basename(image)} has ${formatSize(size)}: it does not fit a card of ${formatSize(asked)}`;
  throw fail('device/card-size', message);
}

async function create(image: string, path: string, { tools, signal }: OverlayMaker, asked?: number): Promise<void> {
  const size = await sizeOf(image, asked);
  const unfinished = `${path}.part`;
  const sandbox = deviceSandbox(tools, 'emulator', [
    { source: image, target: insideImage },
    { source: dirname(path), target: insideOverlays, writable: true },
  ]);
  const file = `${insideOverlays}/${basename(unfinished)}`;
  const backing = ['-b', insideImage, '-F', 'raw'];
  try {
    await runTool(sandbox, ['qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, file, String(size)], signal);
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}

function otherImage(image: string, path: string, note: string): Failure {
  return fail(
    'device/kept-changes',
    `${basename(image)} is not the image any more that the changes in ${path} were made on`,
    `to drop them: rm ${path} ${note}; to run without them: leave out --persist`,
  );
}

function otherSize(path: string, note: string, has: number, wanted: number): Failure {
  return fail(
    'device/kept-changes',
    `the card with the changes in ${path} has ${formatSize(has)}, not ${formatSize(wanted)}`,
    `leave out --card-size, or drop the changes: rm ${path} ${note}`,
  );
}

async function readNote(path: string): Promise<Base | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Base;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fail('device/kept-changes', `${path} cannot be read`, 'remove it, and the changes beside it');
  }
}
