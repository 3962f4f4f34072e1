import { didYouMean, fail } from '../diagnostic.ts';

/** A Pi that QEMU emulates. Its processors and memory are the real board's: QEMU refuses other numbers. */
export interface Machine {
  readonly name: string;
  readonly title: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** The device tree that the firmware of this board loads when config.txt names none: mainline's name first. */
  readonly deviceTrees: readonly string[];
  /** The filters of config.txt that this board answers to. */
  readonly filters: readonly string[];
  /** Whether it has the USB host controller that usb-net and extra disks hang on. */
  readonly usb: boolean;
}

const GIB = 2 ** 30;

const machines: readonly Machine[] = [
  {
    name: 'raspi3b',
    title: 'Raspberry Pi 3B',
    cpus: 4,
    memory: GIB,
    deviceTrees: ['bcm2837-rpi-3-b.dtb', 'bcm2710-rpi-3-b.dtb'],
    filters: ['pi3'],
    usb: true,
  },
  {
    name: 'raspi3ap',
    title: 'Raspberry Pi 3A+',
    cpus: 4,
    memory: GIB / 2,
    deviceTrees: ['bcm2837-rpi-3-a-plus.dtb', 'bcm2710-rpi-3-b-plus.dtb'],
    filters: ['pi3', 'pi3+'],
    usb: true,
  },
  {
    name: 'raspi4b',
    title: 'Raspberry Pi 4B',
    cpus: 4,
    memory: 2 * GIB,
    deviceTrees: ['bcm2711-rpi-4-b.dtb'],
    filters: ['pi4'],
    usb: true,
  },
];

/** The machine of a board's emulator section. Throws a `Failure` for one that QEMU does not have as a 64-bit Pi. */
export function findMachine(name: string): Machine {
  const machine = machines.find((candidate) => candidate.name === name);
  if (machine !== undefined) return machine;
  const known = machines.map((candidate) => candidate.name);
  throw fail('device/unknown-machine', `there is no emulated board '${name}'`, didYouMean(name, known));
}
