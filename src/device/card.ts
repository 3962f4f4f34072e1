import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Failure, fail } from '../diagnostic.ts';
import { bootPartition, partitionsOf } from '../image/partition-table.ts';
import { type BootFiles, bootFiles, readConfigTxt } from './config-txt.ts';
import type { Machine } from './machine.ts';
import { type DeviceTools, deviceSandbox, INSIDE, runTool } from './tools.ts';

/** What a board's firmware loads from its card, copied out of the image. */
export interface BootedFrom {
  /** Absolute paths below the folder that was given. */
  readonly kernel: string;
  readonly deviceTree: string;
  readonly initramfs?: string;
  /** The kernel's command line, from the card alone. */
  readonly cmdline: string;
}

export interface CardReader {
  readonly tools: DeviceTools;
  readonly signal: AbortSignal;
  /** Where the files are copied to; it exists. */
  readonly folder: string;
}

/**
 * Does what the firmware of this board does: reads config.txt on the first FAT partition, and the files that it names.
 * `deviceTree` is the file that the board's recipe names for the emulator. Throws a `Failure` for an image that a board
 * would not boot from.
 */
export async function readCard(
  image: string,
  machine: Machine,
  deviceTree: string | undefined,
  reader: CardReader,
): Promise<BootedFrom> {
  const offset = await findBootPartition(image);
  const copy = copier(image, offset, reader);
  const config = await copy('config.txt');
  if (config === undefined) throw notBootable(image, 'its boot partition has no config.txt');
  const files = bootFiles(readConfigTxt(await readFile(config, 'utf8'), machine.filters));
  const kernel = await copy(files.kernel);
  if (kernel === undefined) throw notBootable(image, `its boot partition has no kernel '${files.kernel}'`);
  const cmdline = await copy(files.cmdline);
  const tree = await firstOf(copy, deviceTreeNames(machine, deviceTree, files));
  if (tree === undefined) throw noDeviceTree(image, deviceTreeNames(machine, deviceTree, files));
  const initramfs = files.initramfs === undefined ? undefined : await copy(files.initramfs);
  if (files.initramfs !== undefined && initramfs === undefined) {
    throw notBootable(image, `its boot partition has no '${files.initramfs}'`);
  }
  return {
    kernel,
    deviceTree: tree,
    // The firmware takes the first line.
    cmdline: cmdline === undefined ? '' : ((await readFile(cmdline, 'utf8')).split('\n')[0] ?? '').trim(),
    ...(initramfs !== undefined && { initramfs }),
  };
}

async function findBootPartition(image: string): Promise<number> {
  const partitions = await partitionsOf(image);
  if (partitions === undefined) throw notBootable(image, 'it has no partition table');
  const partition = bootPartition(partitions);
  if (partition === undefined) throw notBootable(image, 'it has no FAT partition');
  return partition.offset;
}

type Copy = (file: string) => Promise<string | undefined>;

/** Copies files of the boot partition by mtools; undefined when there is no such file. */
function copier(image: string, offset: number, { tools, signal, folder }: CardReader): Copy {
  const inside = `${INSIDE}/card.img`;
  const sandbox = deviceSandbox(tools, 'image', [
    { source: image, target: inside },
    { source: folder, target: `${INSIDE}/boot`, writable: true },
  ]);
  return async (file) => {
    const name = basename(file);
    const command = ['mcopy', '-n', '-i', `${inside}@@${offset}`, `::${file}`, `${INSIDE}/boot/${name}`];
    try {
      await runTool(sandbox, command, signal);
      return join(folder, name);
    } catch (error) {
      if (error instanceof Failure && /not found/.test(error.message)) return undefined;
      throw error;
    }
  };
}

async function firstOf(copy: Copy, files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const path = await copy(file);
    if (path !== undefined) return path;
  }
  return undefined;
}

function deviceTreeNames(machine: Machine, named: string | undefined, files: BootFiles): readonly string[] {
  if (named !== undefined) return [named.endsWith('.dtb') ? basename(named) : `${basename(named)}.dtb`];
  return files.deviceTree === undefined ? machine.deviceTrees : [files.deviceTree];
}

function notBootable(image: string, why: string): Failure {
  return fail(
    'device/not-bootable',
    `a Raspberry Pi would not boot from ${image}: ${why}`,
    'is this the image of a whole card?',
  );
}

function noDeviceTree(image: string, names: readonly string[]): Failure {
  return fail(
    'device/no-device-tree',
    `the boot partition of ${image} has no device tree ${names.map((name) => `'${name}'`).join(' or ')}`,
    'name it under `kernel.dtbs` in board.yaml, or another one under `emulator.dtb`',
  );
}
