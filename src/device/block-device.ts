import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Diagnostic, Failure, fail } from '../diagnostic.ts';

/** A whole disk as the kernel shows it below /sys/block. */
export interface Disk {
  /** `sdb`, `mmcblk0`. */
  readonly name: string;
  /** `/dev/sdb`. */
  readonly path: string;
  /** Bytes; 0 when there is no card in the reader. */
  readonly size: number;
  /** Bytes of a sector. Partition tables count in them, so an image fits disks with 512 alone. */
  readonly sector: number;
  /** `SanDisk Ultra`; empty when it says nothing. */
  readonly model: string;
  readonly serial?: string;
  /** How it is attached, as far as that matters here. */
  readonly bus: 'usb' | 'mmc' | 'other';
  /** A card, something on USB, or what says of itself that it can be taken out. */
  readonly removable: boolean;
  readonly readOnly: boolean;
  /** Who uses it or a part of it: mounted filesystems, swap, and disks made of it (LVM, RAID, LUKS). */
  readonly uses: readonly Use[];
}

export interface Use {
  /** `sdb1`, or what is made of it, like `dm-0`. */
  readonly name: string;
  readonly kind: 'mount' | 'swap' | 'holder';
  /** Where it is mounted, or which disk holds it; empty for swap. */
  readonly where: string;
}

/** Where the kernel shows its disks: a test has its own. */
export interface KernelView {
  readonly sys: string;
  readonly proc: string;
}

export const kernelView: KernelView = { sys: '/sys', proc: '/proc' };

/** Every disk a card image could be meant for, by name: not those that are memory, files or made of others. */
export async function listDisks(view: KernelView = kernelView): Promise<Disk[]> {
  const names = (await namesIn(join(view.sys, 'block'))).filter(
    (name) => !/^(loop|ram|zram|dm-|md|sr|fd|nbd)/.test(name),
  );
  const disks = await Promise.all(
    names.filter((name) => !/boot\d+$|rpmb$/.test(name)).map((name) => readDisk(name, view)),
  );
  return disks.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/**
 * The disk that a path names: a node below /dev, or a link to one. Throws a `Failure` when it is something else, a
 * partition for example.
 */
export async function diskAt(path: string, view: KernelView = kernelView): Promise<Disk> {
  const real = await realpath(path);
  const { rdev } = await stat(real);
  const folder = await realpath(join(view.sys, 'dev/block', deviceNumber(rdev))).catch(() => undefined);
  if (folder === undefined) throw fail('flash/no-device', `the kernel knows no disk behind ${path}`);
  if ((await textOf(join(folder, 'partition'))) !== undefined) {
    const whole = basename(dirname(folder));
    const message = `${path} is a partition, and a card image is a whole disk`;
    throw fail('flash/partition', message, `name the disk: /dev/${whole}`);
  }
  return { ...(await readDisk(basename(folder), view)), path: real };
}

/** What speaks against overwriting a disk with an image of so many bytes; nothing: go on. `force` allows built-in ones. */
export function objection(disk: Disk, needed: number, force: boolean): Diagnostic | undefined {
  const { path, size, uses } = disk;
  const mounts = uses.filter(({ kind }) => kind === 'mount');
  const notes = { notes: uses.map((use) => ({ message: describeUse(use) })) };
  const refuse = (code: string, message: string, hint?: string, more = {}): Diagnostic => ({
    severity: 'error',
    code: `flash/${code}`,
    message,
    ...(hint !== undefined && { hint }),
    ...more,
  });
  if (isSystemDisk(disk))
    return refuse('system-disk', `${path} is a disk that this system runs from`, undefined, notes);
  if (mounts.length > 0) {
    const unmount = `umount ${mounts.map(({ where }) => quoted(where)).join(' ')}`;
    return refuse('mounted', `${path} is mounted`, `unmount it first: ${unmount}`, notes);
  }
  if (uses.length > 0) return refuse('in-use', `${path} is in use`, 'take it out of use first', notes);
  if (size === 0) return refuse('no-card', `there is no card in ${path}`, 'put one in, and wait a second');
  if (disk.readOnly) {
    return refuse('read-only', `${path} is write-protected`, 'an SD card has a switch for that on its side');
  }
  if (size < needed) {
    const message = `${path} is too small: the image has ${needed} bytes, it has ${size}, ${needed - size} less`;
    return refuse('too-small', message, `take a card of at least ${Math.ceil(needed / 1e9)} GB`);
  }
  if (disk.sector !== SECTOR) {
    const message = `${path} has sectors of ${disk.sector} bytes, and the partition table of the image counts in ${SECTOR}`;
    return refuse('sector-size', message, 'take a card: all of them have 512');
  }
  if (!disk.removable && !force) {
    return refuse('built-in', `${path} is built into this machine`, 'if it is meant nevertheless, say --force');
  }
  return undefined;
}

/** `/dev/sdb1 is mounted on /media/card` */
export function describeUse({ name, kind, where }: Use): string {
  if (kind === 'mount') return `/dev/${name} is mounted on ${where}`;
  return kind === 'swap' ? `/dev/${name} is swap space` : `/dev/${name} is part of /dev/${where}`;
}

/** Whether a disk's node is still what the kernel has: false once the card or the reader was pulled out. */
export async function isThere(disk: Disk, view: KernelView = kernelView): Promise<boolean> {
  const size = await textOf(join(view.sys, 'block', disk.name, 'size'));
  return size !== undefined && Number(size) > 0;
}

/** The partitions that the kernel sees on a disk, in bytes, by their number. */
export async function partitionsSeen(
  disk: Disk,
  view: KernelView = kernelView,
): Promise<{ number: number; offset: number; size: number }[]> {
  const folder = join(view.sys, 'block', disk.name);
  const found = [];
  for (const name of await namesIn(folder)) {
    const [number, start, sectors] = await Promise.all(
      ['partition', 'start', 'size'].map((file) => textOf(join(folder, name, file))),
    );
    if (number === undefined) continue;
    found.push({ number: Number(number), offset: Number(start) * SECTOR, size: Number(sectors) * SECTOR });
  }
  return found.sort((a, b) => a.number - b.number);
}

/** sysfs counts in these, whatever the disk's own sectors are (Documentation/ABI/stable/sysfs-block). */
const SECTOR = 512;

/** Where a running system's own filesystems are. */
const SYSTEM = /^\/(|boot(\/.*)?|efi|etc|home|nix(\/.*)?|opt|root|srv|usr|var(\/.*)?)$/;

function isSystemDisk({ uses }: Disk): boolean {
  return uses.some(({ kind, where }) => kind === 'swap' || (kind === 'mount' && SYSTEM.test(where)));
}

async function readDisk(name: string, view: KernelView): Promise<Disk> {
  const folder = join(view.sys, 'block', name);
  const read = async (file: string): Promise<string> => (await textOf(join(folder, file))) ?? '';
  const real = await realpath(folder).catch(() => folder);
  const bus = busOf(real);
  const [sectors, sector, removable, readOnly, type] = await Promise.all(
    ['size', 'queue/logical_block_size', 'removable', 'ro', 'device/type'].map(read),
  );
  const names = await Promise.all(['device/vendor', 'device/model', 'device/name'].map(read));
  const serial = await serialOf(real, read);
  return {
    name,
    path: `/dev/${name.replaceAll('!', '/')}`,
    size: Number(sectors) * SECTOR,
    sector: Number(sector) || SECTOR,
    model: names.filter((word) => word !== '').join(' '),
    ...(serial !== undefined && { serial }),
    bus,
    // eMMC is on the same bus as cards, but soldered in.
    removable: removable === '1' || bus === 'usb' || (bus === 'mmc' && type === 'SD'),
    readOnly: readOnly === '1',
    uses: await usesOf(name, view),
  };
}

function busOf(real: string): Disk['bus'] {
  if (/\/usb\d+\//.test(real)) return 'usb';
  return /\/mmc\d+\//.test(real) ? 'mmc' : 'other';
}

/** Of a card or NVMe its own; of what is on USB that of the USB device, which is a few folders up. */
async function serialOf(real: string, read: (file: string) => Promise<string>): Promise<string | undefined> {
  const own = await read('device/serial');
  if (own !== '') return own;
  for (let folder = real; /\/usb\d+\//.test(folder); folder = dirname(folder)) {
    const serial = (await textOf(join(folder, 'idVendor'))) && (await textOf(join(folder, 'serial')));
    if (serial) return serial;
  }
  return undefined;
}

/** Who uses a disk, its partitions, and what is made of them. */
async function usesOf(disk: string, view: KernelView): Promise<Use[]> {
  const [mounts, swaps] = await Promise.all([mountsOf(view), swapsOf(view)]);
  const uses: Use[] = [];
  const visit = async (name: string, folder: string): Promise<void> => {
    const number = await textOf(join(folder, 'dev'));
    const own = mounts.filter((mount) => mount.device === number || mount.source === `/dev/${name}`);
    uses.push(...own.map(({ where }): Use => ({ name, kind: 'mount', where })));
    if (swaps.includes(`/dev/${name}`)) uses.push({ name, kind: 'swap', where: '' });
    for (const holder of await namesIn(join(folder, 'holders'))) {
      uses.push({ name, kind: 'holder', where: holder });
      await visit(holder, join(view.sys, 'block', holder));
    }
  };
  const folder = join(view.sys, 'block', disk);
  await visit(disk, folder);
  for (const name of await namesIn(folder)) {
    if ((await textOf(join(folder, name, 'partition'))) !== undefined) await visit(name, join(folder, name));
  }
  return uses;
}

interface Mount {
  /** `8:17` */
  readonly device: string;
  readonly source: string;
  readonly where: string;
}

/** proc_pid_mountinfo(5): number, parent, device, root, mount point, options, further fields, `-`, type, source. */
async function mountsOf(view: KernelView): Promise<Mount[]> {
  const lines = ((await textOf(join(view.proc, 'self/mountinfo'))) ?? '').split('\n');
  const mounts = lines.map(async (line): Promise<Mount> => {
    const words = line.split(' ').map(unescaped);
    const source = words[words.indexOf('-') + 2] ?? '';
    return { device: words[2] ?? '', source: await followed(source), where: words[4] ?? '' };
  });
  return Promise.all(mounts);
}

async function swapsOf(view: KernelView): Promise<string[]> {
  const [, ...lines] = ((await textOf(join(view.proc, 'swaps'))) ?? '').split('\n');
  return Promise.all(lines.map((line) => followed(unescaped(line.split(/\s/)[0] ?? ''))));
}

/** /dev/mapper/vg-root is a link to /dev/dm-0. */
async function followed(path: string): Promise<string> {
  const target = path.startsWith('/dev/') ? await readlink(path).catch(() => undefined) : undefined;
  return target === undefined ? path : join(dirname(path), target);
}

/** The kernel writes spaces in paths as \040. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** `8:16`, out of Linux's packing of both numbers (new_encode_dev in kdev_t.h). */
export function deviceNumber(rdev: number): string {
  const major = Math.floor(rdev / 256) & 0xfff;
  const minor = (rdev & 0xff) | (Math.floor(rdev / 4096) & 0xfff00);
  return `${major}:${minor}`;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return [];
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined;
  }
}

/** A disk that may be written, or a `Failure` with what speaks against it. */
export function checkDisk(disk: Disk, needed: number, force: boolean): void {
  const found = objection(disk, needed, force);
  if (found !== undefined) throw new Failure(found);
}
