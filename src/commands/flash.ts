import { constants } from 'node:fs';
import { access, lstat, rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { checkDisk, type Disk, diskAt, listDisks, objection } from '../device/block-device.ts';
import { type CardImage, openCardImage } from '../device/card-image.ts';
import { type CardWork, type ReadBack, streamCard, type Target, verifyCard, writeCard } from '../device/card-writer.ts';
import { isPacked, type UnpackedImage, unpackImage } from '../device/packed-image.ts';
import { identityPatches, patchedImage } from '../device/personal-image.ts';
import { rereadTable, seesPartitions } from '../device/reread.ts';
import { Failure, fail } from '../diagnostic.ts';
import { quote } from '../kinds/script.ts';
import { ProjectPaths } from '../paths.ts';
import { formatBytes, table } from '../report/format.ts';
import { cardTools } from './card-tools.ts';
import { type Context, Interrupted } from './context.ts';
import { deviceTools } from './device-tools.ts';
import { type FlashPrinter, openFlashPrinter } from './flash-printer.ts';
import { parseIdentity } from './identity-option.ts';
import { readyImage } from './ready-image.ts';
import { selfOf } from './reporting.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

export interface FlashOptions {
  /** Does not ask. */
  readonly yes?: boolean;
  /** Allows disks that are built in. */
  readonly force?: boolean;
  /** False: does not read back. */
  readonly verify?: boolean;
  /** Writes this instead of the board's own image. */
  readonly image?: string;
  /** What makes this card another one than those with the same image. */
  readonly identity?: string;
}

type Destination = Target | { readonly kind: 'stream'; readonly path: '-' };

/** Writes a board's image to a card, a file or a pipe; without one it lists the cards there are. */
export async function run(context: Context, call: Call<FlashOptions>): Promise<number> {
  const [board = '', device] = call.arguments;
  const { options } = call;
  const identity = options.identity === undefined ? undefined : parseIdentity(options.identity, context.cwd);
  if (options.image === undefined) openProject(context).board(board);
  if (device === undefined) return listCards(context, board);
  const destination = await destinationOf(context, device, options);
  // What is typed for a pipe must not be mixed with it.
  const quiet = destination.kind === 'stream' ? { ...context, stdout: context.stderr } : context;
  const ready = await sourceOf(quiet, board, options.image);
  if (ready === undefined) return exitCodes.failed;
  try {
    const printer = openFlashPrinter(quiet);
    const plain = await printer.step('check', (onProgress) => openCardImage(ready.path, context.signal, onProgress));
    const patches = identity === undefined ? [] : await identityPatches(ready.path, identity);
    const image = patches.length === 0 ? plain : await patchedImage(plain, patches, context.signal);
    if (destination.kind === 'stream') return await stream(context, image, printer);
    const target = await readyTarget(context, board, destination, image, options);
    printer.started(board, image, target);
    await writeOn(context, board, image, target, printer, options);
    return exitCodes.ok;
  } finally {
    await ready.remove();
  }
}

/** The image to write: the board's own, made if need be, or the one that is named, unpacked if need be. */
async function sourceOf(
  context: Context,
  board: string,
  named: string | undefined,
): Promise<UnpackedImage | undefined> {
  const path = named === undefined ? await readyImage(context, board) : resolve(context.cwd, named);
  if (path === undefined) return undefined;
  if (named === undefined || !isPacked(path)) return { path, remove: async () => {} };
  const ready = await deviceTools(context, 'flash');
  if (ready === undefined) return undefined;
  try {
    return await unpackImage(
      path,
      new ProjectPaths(openProject(context).root).output(board),
      ready.tools,
      context.signal,
    );
  } finally {
    await ready.close();
  }
}

/** What can be written to, as far as that is known before the image is: it may take a quarter of an hour to make. */
async function destinationOf(context: Context, device: string, options: FlashOptions): Promise<Destination> {
  if (device === '-') return streamDestination(context);
  const path = resolve(context.cwd, device);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    await checkNewFile(device, path);
    return { kind: 'file', path };
  }
  if (!found.isBlockDevice() && !found.isFile()) {
    throw fail('flash/no-target', `${device} is neither a disk nor a file`, 'without a device, the cards are listed');
  }
  if (!options.yes && !asksHere(context)) {
    const message = `there is no terminal to ask whether ${device} may be overwritten`;
    throw fail('cli/not-confirmed', message, 'say --yes if it may');
  }
  if (found.isFile()) return { kind: 'file', path };
  const disk = await diskAt(path);
  checkDisk(disk, 0, options.force ?? false);
  return { kind: 'disk', path: disk.path, disk };
}

function streamDestination({ options, stdout }: Context): Destination {
  if (options.json) throw fail('cli/json', '--json and an image cannot both go to standard output');
  if (stdout.isTTY) throw fail('cli/terminal', 'an image is nothing to show in a terminal', 'lead it into a pipe');
  return { kind: 'stream', path: '-' };
}

/** A slip in a device's name must not become a file. */
async function checkNewFile(device: string, path: string): Promise<void> {
  if (path.startsWith('/dev/')) {
    throw fail('flash/no-device', `there is no ${path}`, 'without a device, the cards are listed');
  }
  const node = await stat(`/dev/${device}`).catch(() => undefined);
  if (node?.isBlockDevice()) {
    throw fail('flash/no-device', `there is no file '${device}' here`, `did you mean /dev/${device}?`);
  }
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory()) throw fail('flash/no-folder', `there is no folder ${dirname(path)}`);
  if (await lstat(path).catch(() => undefined)) throw fail('flash/no-target', `${device} is a link to nowhere`);
}

/** Looks at the target again, now that the image is known, and asks. */
async function readyTarget(
  context: Context,
  board: string,
  before: Target,
  image: CardImage,
  options: FlashOptions,
): Promise<Target> {
  if (before.kind === 'file') {
    const [there, source] = await Promise.all([stat(before.path).catch(() => undefined), stat(image.path)]);
    if (there === undefined) return before;
    if (there.dev === source.dev && there.ino === source.ino) {
      throw fail('flash/itself', `${before.path} is the image itself`);
    }
    if (!options.yes) await ask(context, basename(before.path), `overwrites the file ${before.path}`);
    return before;
  }
  const disk = await diskAt(before.path);
  if (disk.serial !== before.disk.serial || disk.model !== before.disk.model || disk.size !== before.disk.size) {
    throw fail(
      'flash/changed',
      `${before.path} is another disk now than it was when this began`,
      'see which one it is',
    );
  }
  checkDisk(disk, image.map.imageSize, options.force ?? false);
  await checkAccess(context, board, disk, image, options);
  if (!options.yes) await ask(context, disk.name, `overwrites all that is on ${describeDisk(disk)}`);
  return { ...before, disk };
}

async function ask({ signal, stderr, stdin }: Context, name: string, consequence: string): Promise<void> {
  const reader = createInterface({ input: stdin, terminal: false });
  try {
    stderr.write(`this ${consequence}\ntype '${name}' to go on: `);
    const ended = new Promise<string>((settle) => reader.once('close', () => settle('')));
    const answer = await Promise.race([reader.question('', { signal }), ended]);
    signal.throwIfAborted();
    if (![name, `/dev/${name}`].includes(answer.trim())) {
      throw fail('flash/not-confirmed', `that is not '${name}': nothing was written`);
    }
  } finally {
    reader.close();
  }
}

function asksHere({ stdin, stderr }: Context): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

async function writeOn(
  context: Context,
  board: string,
  image: CardImage,
  target: Target,
  printer: FlashPrinter,
  options: FlashOptions,
): Promise<void> {
  const work = (onProgress: CardWork['onProgress']): CardWork => ({ signal: context.signal, onProgress });
  let readBack: ReadBack | undefined;
  try {
    const release = await printer.step('write', (onProgress) => writeCard(image, target, work(onProgress)));
    try {
      if (options.verify !== false) {
        readBack = await printer.step('verify', (onProgress) => verifyCard(image, target, work(onProgress)));
      }
    } finally {
      await release();
    }
  } catch (error) {
    await explainEnd(context, error, target, printer);
    throw error;
  }
  const seen = target.kind === 'disk' ? await reread(context, target.disk, image) : undefined;
  printer.finished({ board, image, target, ...(readBack && { readBack }), ...(seen !== undefined && { seen }) });
}

/** A file that was not finished is removed; of a card it is said, after Ctrl-C, what state it is in. */
async function explainEnd({ signal }: Context, error: unknown, target: Target, printer: FlashPrinter): Promise<void> {
  const opened = !(error instanceof Failure && error.diagnostics.some(({ code }) => NOT_BEGUN.has(code)));
  if (target.kind === 'file' && opened) await rm(target.path, { force: true });
  if (signal.aborted && signal.reason instanceof Interrupted) printer.stopped(target);
}

const NOT_BEGUN: ReadonlySet<string> = new Set(['flash/no-access', 'flash/cannot-open', 'flash/in-use']);

/** A disk that only root may write: says the command that does, ready to paste. The image is made by now. */
async function checkAccess(
  { cwd }: Context,
  board: string,
  { path }: Disk,
  image: CardImage,
  options: FlashOptions,
): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch {
    const self = [process.execPath, resolve(cwd, process.argv[1] ?? '')];
    const flags = [...(options.force ? ['--force'] : []), ...(options.verify === false ? ['--no-verify'] : [])];
    const words = ['sudo', ...self, 'flash', board, path, '--image', image.path, ...flags];
    throw fail('flash/no-access', `you may not write to ${path}`, `root may: ${words.map(quote).join(' ')}`);
  }
}

async function stream(context: Context, image: CardImage, printer: FlashPrinter): Promise<number> {
  const { signal, stdout } = context;
  await printer.step('write', (onProgress) => streamCard(image, stdout, { signal, onProgress }));
  return exitCodes.ok;
}

/** Whether the kernel knows the card's partitions now; it is asked to look where nobody does so by itself. */
async function reread(context: Context, disk: Disk, image: CardImage): Promise<boolean> {
  const { signal } = context;
  if (await seesPartitions(disk, image.path, signal)) return true;
  if (process.getuid?.() !== 0) return false;
  const tools = await cardTools(context);
  if (tools === undefined) return false;
  try {
    return (await rereadTable(disk, tools.path, signal)) && (await seesPartitions(disk, image.path, signal));
  } finally {
    await tools.close();
  }
}

/** The cards there are, and what to type. */
async function listCards(context: Context, board: string): Promise<number> {
  const { options, stderr, stdout } = context;
  const disks = (await listDisks()).filter(({ removable }) => removable);
  if (options.json) {
    for (const disk of disks) stdout.write(`${JSON.stringify(diskEvent(board, disk))}\n`);
    return exitCodes.usage;
  }
  const usable = disks.find((disk) => objection(disk, 0, false) === undefined);
  const lines =
    disks.length === 0
      ? ['there is no card or USB disk in this machine']
      : ['which card?', ...table(disks.map((disk) => ['  ', ...diskRow(disk)]))];
  stderr.write(`${lines.join('\n')}\n`);
  stderr.write(`  ${selfOf(context)} flash ${quote(board)} ${usable?.path ?? '/dev/sdX'}\n`);
  return exitCodes.usage;
}

function diskEvent(board: string, disk: Disk): object {
  const { path: device, size, model, serial, bus, uses } = disk;
  const problem = objection(disk, 0, false)?.message;
  const facts = { device, size, model, ...(serial !== undefined && { serial }), bus, uses };
  return { type: 'card', at: Date.now(), board, ...facts, ...(problem !== undefined && { problem }) };
}

function diskRow(disk: Disk): string[] {
  const { path, size, model, serial } = disk;
  const problem = objection(disk, 0, false)?.message;
  const row = [path, size === 0 ? '' : formatBytes(size), model, serial === undefined ? '' : `serial ${serial}`];
  return [...row, problem === undefined ? '' : `(${problem.replace(`${path} `, '')})`];
}

function describeDisk({ path, size, model, serial }: Disk): string {
  const facts = [model, formatBytes(size), ...(serial === undefined ? [] : [`serial ${serial}`])];
  return `${path} (${facts.filter((fact) => fact !== '').join(', ')})`;
}
