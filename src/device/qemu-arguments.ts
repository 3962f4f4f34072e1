import { fail } from '../diagnostic.ts';
import type { Forward } from './forward.ts';
import type { Machine } from './machine.ts';

/** An emulated board as QEMU is told of it. Paths are those inside the sandbox. Pure data. */
export interface QemuBoard {
  readonly machine: Machine;
  readonly kernel: string;
  readonly deviceTree: string;
  readonly initramfs?: string;
  readonly cmdline: string;
  /** The card, as a qcow2 file whose size is a power of two. */
  readonly card: string;
  /** How many processors run: the others are parked. */
  readonly cpus: number;
  /** Which serial port is the console: 0 the PL011, 1 the mini UART. */
  readonly consolePort: number;
  readonly usbNetwork: boolean;
  readonly forwards: readonly Forward[];
  /** Further disks, on USB. */
  readonly disks: readonly Disk[];
  /** Whether a reboot of the guest starts it again, or ends the emulator. */
  readonly reboots: boolean;
  /** Further arguments of QEMU. */
  readonly arguments: readonly string[];
  /** Whether the card is kept: then QEMU must not lose what the guest flushed. */
  readonly persistent: boolean;
  /** How many processors this machine has. */
  readonly hostProcessors: number;
}

export interface Disk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
}

/**
 * The file descriptors of QEMU's channels: its control, the serial console, its monitor for people; and the one that
 * only has to stay open (`tied`).
 */
export const channels = { control: 3, console: 4, monitor: 5, life: 6 } as const;

/** The serial ports of a Pi that QEMU connects. */
const SERIAL_PORTS = 2;

/**
 * QEMU's command line. It waits for `cont` before the first instruction.
 *
 * One thread emulates all processors unless this machine has more of them than the board: those that wait in a loop, as
 * a Pi's do until the kernel calls them, else take time from the one that works. On 2 processors a boot costs 3.5 s of
 * their time in one thread, 4 to 16 s in four; only programs that keep several processors busy lose by it.
 */
export function qemuArguments(board: QemuBoard): string[] {
  return [
    'qemu-system-aarch64',
    ...['-machine', board.machine.name, '-nodefaults', '-display', 'none', '-S'],
    ...['-kernel', board.kernel, '-dtb', board.deviceTree],
    ...(board.initramfs === undefined ? [] : ['-initrd', board.initramfs]),
    ...['-append', board.cmdline],
    ...['-drive', card(board)],
    ...channel('control', channels.control),
    ...['-mon', 'chardev=control,mode=control'],
    ...channel('monitor', channels.monitor),
    ...['-mon', 'chardev=monitor,mode=readline'],
    ...channel('console', channels.console),
    ...Array.from({ length: SERIAL_PORTS }, (_, port) => serial(port, board.consolePort)).flat(),
    ...(board.usbNetwork ? network(board.forwards) : []),
    ...board.disks.flatMap(disk),
    ...parked(board),
    ...(board.reboots ? [] : ['-no-reboot']),
    ...board.arguments,
    // QEMU takes the first that works: one among the board's own arguments wins.
    ...['-accel', `tcg,thread=${board.hostProcessors > board.cpus ? 'multi' : 'single'}`],
  ];
}

/**
 * Nobody needs a throw-away card after this machine crashed, and guests sync often: so `unsafe`. QEMU's SD cards have no
 * cache to flush: what a guest wrote must be in the overlay at once, its tables too, or it is gone when QEMU is killed.
 */
function card({ card, persistent }: QemuBoard): string {
  return `if=sd,index=0,format=qcow2,file=${optionValue(card)},cache=${persistent ? 'writethrough' : 'unsafe'},discard=unmap`;
}

/** How much of the board's processors and memory the guest may use, asked for by the user; absent: all. */
export interface Limits {
  readonly cpus?: number;
  /** Bytes. */
  readonly memory?: number;
}

/**
 * The words of the kernel command line that limit it to fewer processors or less memory: QEMU's boards, like the real
 * ones, have what they have. Throws a `Failure` when more is asked for.
 */
export function limitWords(machine: Machine, { cpus, memory }: Limits): string[] {
  if (cpus !== undefined && cpus > machine.cpus) {
    throw fail('device/too-many-cpus', `a ${machine.title} has ${machine.cpus} processors, not ${cpus}`);
  }
  if (memory !== undefined && memory > machine.memory) {
    const has = machine.memory / 2 ** 20;
    throw fail('device/too-much-memory', `a ${machine.title} has ${has}M of memory, not ${memory / 2 ** 20}M`);
  }
  const words: string[] = [];
  if (cpus !== undefined && cpus < machine.cpus) words.push(`nr_cpus=${cpus}`);
  if (memory !== undefined && memory < machine.memory) words.push(`mem=${Math.floor(memory / 1024)}K`);
  return words;
}

/** A place that no kernel uses: the first page is the firmware's (mainline's device trees reserve it). */
const PARK = 0x800;

/** `wfi` and a branch back to it, little endian. */
const SLEEP = '0x17ffffffd503207f';

/**
 * Lets processors that the kernel will not call sleep: in the firmware's loop they would keep this machine's busy for
 * as long as the emulator runs.
 */
function parked({ machine, cpus }: QemuBoard): string[] {
  if (cpus >= machine.cpus) return [];
  const others = Array.from({ length: machine.cpus - cpus }, (_, index) => cpus + index);
  return [
    ...['-device', `loader,addr=${PARK},data=${SLEEP},data-len=8`],
    ...others.flatMap((cpu) => ['-device', `loader,addr=${PARK},cpu-num=${cpu}`]),
  ];
}

function channel(id: string, descriptor: number): string[] {
  return ['-chardev', `socket,id=${id},fd=${descriptor}`];
}

function serial(port: number, console: number): string[] {
  return ['-serial', port === console ? 'chardev:console' : 'null'];
}

function network(forwards: readonly Forward[]): string[] {
  const rules = forwards.map(
    ({ protocol, address, host, guest }) => `,hostfwd=${protocol}:${address}:${host}-:${guest}`,
  );
  return ['-netdev', `user,id=net0${rules.join('')}`, '-device', 'usb-net,netdev=net0'];
}

function disk({ path, format }: Disk, index: number): string[] {
  const id = `disk${index}`;
  const node = `if=none,id=${id},format=${format},file=${optionValue(path)}`;
  return ['-drive', node, '-device', `usb-storage,drive=${id}`];
}

/** A value in QEMU's comma-separated options. */
function optionValue(value: string): string {
  return value.replaceAll(',', ',,');
}
