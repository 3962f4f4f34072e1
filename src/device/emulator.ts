import type { Stats } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { type Bind, sandboxed, tied } from '../build/sandbox.ts';
import { fail } from '../diagnostic.ts';
import type { Hat } from '../hat/hat.ts';
import { qemuArguments as hatArguments, qmpCommands } from '../hat/qemu.ts';
import type { CardIdentity } from '../image/card-identity.ts';
import { isAlive } from '../processes.ts';
import type { Emulator } from '../recipe/model.ts';
import { readCard } from './card.ts';
import type { Forward } from './forward.ts';
import { findMachine, type Machine } from './machine.ts';
import { insideImage, insideOverlays, keptOverlay, makeOverlay, writeOverlay } from './overlay.ts';
import { identityPatches } from './personal-image.ts';
import { type Qemu, startQemu } from './qemu.ts';
import { channels, type Disk, type Limits, limitWords, qemuArguments } from './qemu-arguments.ts';
import type { Qmp } from './qmp.ts';
import { type DeviceTools, deviceSandbox, INSIDE } from './tools.ts';

export interface PowerOn {
  /** The card image, absolute. It is never written to. */
  readonly image: string;
  /** The board's emulator section. */
  readonly emulator: Emulator;
  /** The HATs on it, whose chips are there without the hardware, with what they measure at first (`openLiveHats` goes on). */
  readonly hats: readonly Hat[];
  readonly tools: DeviceTools;
  /** `output/<board>/`: throw-away files go there, and the changes that are kept. */
  readonly output: string;
  /** The overlay that is kept between runs, absolute; absent: the guest's changes are gone afterwards. */
  readonly persist?: string;
  /** Of the card, in bytes; absent: as large as the image. */
  readonly cardSize?: number;
  /** What makes its card another one than those with the same image. */
  readonly identity?: CardIdentity;
  readonly limits: Limits;
  /** Words for the kernel, after those of the card. */
  readonly append: readonly string[];
  readonly forwards: readonly Forward[];
  /** Files of the user's that the guest gets as disks on USB, absolute; it writes to them. */
  readonly disks: readonly string[];
  readonly reboots: boolean;
  readonly signal: AbortSignal;
  /** What QEMU says about the host's side. */
  readonly onLine: (line: string) => void;
}

/** An emulated board with its power on. */
export interface EmulatedBoard extends Qemu {
  readonly machine: Machine;
  readonly forwards: readonly Forward[];
  /** Whether the card holds changes of an earlier run. */
  readonly kept: boolean;
  /** The kernel's command line. */
  readonly cmdline: string;
  /** Whether the image was written to since: then the guest may have read a mixture. */
  imageChanged(): Promise<boolean>;
}

/**
 * Switches an emulated board on: reads what the firmware would out of the image, puts an overlay over it, and starts
 * QEMU. Nothing of it is left when QEMU ends, or this process does. Throws a `Failure`.
 */
export async function powerOn(options: PowerOn): Promise<EmulatedBoard> {
  const { image, emulator, tools, output, signal } = options;
  const machine = findMachine(emulator.machine);
  const before = await imageState(image);
  const folder = await throwAwayFolder(output);
  try {
    const reader = { tools, signal, folder };
    const card = await readCard(image, machine, emulator.dtb, reader);
    const overlay = await (options.persist === undefined
      ? makeOverlay(image, join(folder, 'card.qcow2'), reader, options.cardSize)
      : keptOverlay(image, options.persist, reader, options.cardSize));
    if (options.identity !== undefined) {
      await writeOverlay(image, overlay, await identityPatches(image, options.identity), reader);
    }
    const limits = limitsOf(options);
    const cmdline = [card.cmdline, ...limitWords(machine, limits), ...hatWords(options.hats), ...options.append]
      .join(' ')
      .trim();
    checkLength(cmdline);
    const disks = options.disks.map(insideDisk);
    const argv = qemuArguments({
      machine,
      kernel: `${INSIDE}/boot/${basename(card.kernel)}`,
      deviceTree: `${INSIDE}/boot/${basename(card.deviceTree)}`,
      ...(card.initramfs !== undefined && { initramfs: `${INSIDE}/boot/${basename(card.initramfs)}` }),
      cmdline,
      card: `${insideOverlays}/${basename(overlay.path)}`,
      cpus: limits.cpus ?? machine.cpus,
      persistent: options.persist !== undefined,
      consolePort: emulator.console ?? 0,
      usbNetwork: emulator.usbNetwork ?? machine.usb,
      forwards: options.forwards,
      disks,
      reboots: options.reboots,
      arguments: [...options.hats.flatMap(hatArguments), ...(emulator.arguments ?? [])],
      hostProcessors: availableParallelism(),
    });
    const binds: Bind[] = [
      { source: image, target: insideImage },
      { source: folder, target: `${INSIDE}/boot` },
      { source: join(overlay.path, '..'), target: insideOverlays, writable: true },
      ...options.disks.map((source, index) => ({ source, target: insideDisk(source, index).path, writable: true })),
      // User networking asks this machine's name servers.
      { source: '/etc/resolv.conf', target: '/etc/resolv.conf' },
    ];
    const sandbox = deviceSandbox(tools, 'emulator', binds, true);
    const { control, console, monitor, life } = channels;
    const command = sandboxed(sandbox, tied(argv, life, [control, console, monitor]));
    const qemu = await startQemu({ argv: command, signal, onLine: options.onLine });
    await setChips(qemu.control, options.hats);
    await qemu.control.execute('cont');
    return {
      ...qemu,
      machine,
      forwards: options.forwards,
      kept: overlay.kept,
      cmdline,
      imageChanged: async () => isWrittenTo(before, await stat(image).catch(() => undefined)),
    };
  } finally {
    // QEMU holds open, or in memory, what it needs.
    await rm(folder, { recursive: true, force: true });
  }
}

/** COMMAND_LINE_SIZE of arm64 (arch/arm64/include/uapi/asm/setup.h), with the zero at its end: the kernel drops the rest. */
const LONGEST = 2048;

function checkLength(cmdline: string): void {
  if (cmdline.length < LONGEST) return;
  const hint = 'set fewer values with --set, and the others with `pibuild set` while it runs';
  throw fail(
    'device/cmdline',
    `the kernel's command line has ${cmdline.length} characters, and ${LONGEST - 1} fit`,
    hint,
  );
}

/** What tells the start scripts (overlays/hats) that the HATs' chips are not on the header. */
function hatWords(hats: readonly Hat[]): string[] {
  return hats.length === 0 ? [] : ['pibuild.hat=virtual'];
}

async function setChips(control: Qmp, hats: readonly Hat[]): Promise<void> {
  for (const { execute, arguments: words } of hats.flatMap(qmpCommands)) await control.execute(execute, words);
}

function limitsOf({ emulator, limits }: PowerOn): Limits {
  const { cpus = emulator.cpus, memory = emulator.memory } = limits;
  return { ...(cpus !== undefined && { cpus }), ...(memory !== undefined && { memory }) };
}

function insideDisk(path: string, index: number): Disk {
  return { path: `${INSIDE}/disk${index}`, format: /\.qcow2$/.test(path) ? 'qcow2' : 'raw' };
}

async function imageState(image: string): Promise<Stats> {
  const found = await stat(image).catch(() => undefined);
  if (found?.isFile()) return found;
  throw fail('device/no-image', found === undefined ? `there is no image ${image}` : `${image} is no image file`);
}

/** A new file in its place does no harm: the emulator has the old one. */
function isWrittenTo(before: Stats, now: Stats | undefined): boolean {
  return now?.ino === before.ino && now.dev === before.dev && now.mtimeMs !== before.mtimeMs;
}

const THROW_AWAY = /^\.emulator-(\d+)-\d+$/;
let count = 0;

/** A folder for one start, named after this process; those of dead processes are removed. */
async function throwAwayFolder(output: string): Promise<string> {
  try {
    return await makeThrowAway(output);
  } catch (error) {
    throw fail('device/output', `the emulated board's files cannot be made: ${(error as Error).message}`);
  }
}

async function makeThrowAway(output: string): Promise<string> {
  await mkdir(output, { recursive: true });
  for (const name of await readdir(output)) {
    const process = THROW_AWAY.exec(name)?.[1];
    if (process !== undefined && !isAlive(Number(process))) {
      await rm(join(output, name), { recursive: true, force: true });
    }
  }
  count += 1;
  const folder = join(output, `.emulator-${process.pid}-${count}`);
  await mkdir(folder);
  return folder;
}
