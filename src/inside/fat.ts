import type { ByteSource } from '../image/tar-reader.ts';
import { bytesAt, type Member, type Members, slice, whole } from './member.ts';

/** The files of a FAT16 or FAT32 (Microsoft's fatgen103), long names and all, and its `(boot sector)`. */
export const openFat = whole((source: ByteSource): Members | undefined => {
  if (source.size < 512) return undefined;
  const boot = bytesAt(source, 0, 512);
  const fat = layoutOf(boot, source);
  if (!fat) return undefined;
  const members = new Map<string, Member>();
  const root = fat.bits === 32 ? chain(fat, boot.readUInt32LE(0x2c)) : fat.root;
  list(fat, root, '', members);
  return members.set('(boot sector)', { facts: '', content: slice(source, 0, 512) });
});

interface Fat {
  readonly source: ByteSource;
  readonly bits: 16 | 32;
  readonly table: Buffer;
  /** Of FAT16: the root folder, which is no cluster. */
  readonly root: ByteSource;
  /** Bytes. */
  readonly cluster: number;
  readonly firstCluster: number;
}

function layoutOf(boot: Buffer, source: ByteSource): Fat | undefined {
  const sector = boot.readUInt16LE(0x0b);
  const perCluster = boot[0x0d] ?? 0;
  const bits =
    boot.toString('latin1', 0x52, 0x57) === 'FAT32' ? 32 : boot.toString('latin1', 0x36, 0x3b) === 'FAT16' ? 16 : 0;
  if (boot[510] !== 0x55 || boot[511] !== 0xaa || bits === 0 || sector < 512 || perCluster === 0) return undefined;
  const start = boot.readUInt16LE(0x0e) * sector;
  const tableSize = (boot.readUInt16LE(0x16) || boot.readUInt32LE(0x24)) * sector;
  const rootStart = start + (boot[0x10] ?? 0) * tableSize;
  const rootSize = boot.readUInt16LE(0x11) * 32;
  return {
    source,
    bits,
    table: bytesAt(source, start, tableSize),
    root: slice(source, rootStart, rootSize),
    cluster: perCluster * sector,
    firstCluster: rootStart + rootSize,
  };
}

/** Adds what is in a folder and below it. */
function list(fat: Fat, folder: ByteSource, below: string, members: Map<string, Member>): void {
  let long = '';
  for (let at = 0; at + 32 <= folder.size; at += 32) {
    const entry = bytesAt(folder, at, 32);
    if (entry[0] === 0) return;
    const attributes = entry[11] ?? 0;
    if (entry[0] === 0xe5) long = '';
    else if (attributes === LONG_NAME) long = `${longPart(entry)}${long}`;
    else {
      const name = long === '' ? shortName(entry) : long;
      long = '';
      if (name !== '.' && name !== '..') add(fat, entry, `${below}${name}`, members);
    }
  }
}

const LONG_NAME = 0x0f;
const FOLDER = 0x10;
const LABEL = 0x08;

function add(fat: Fat, entry: Buffer, path: string, members: Map<string, Member>): void {
  const attributes = entry[11] ?? 0;
  const cluster = entry.readUInt16LE(20) * 65536 + entry.readUInt16LE(26);
  const [size, time] = [entry.readUInt32LE(28), `${dosTime(entry, 22)}`];
  const made = dosTime(entry, 14);
  if ((attributes & LABEL) !== 0) members.set(`(label ${path})`, { facts: time });
  else if ((attributes & FOLDER) !== 0) {
    members.set(path, { facts: `folder ${time}, made ${made}` });
    list(fat, chain(fat, cluster), `${path}/`, members);
  } else {
    const content = size === 0 ? undefined : slice(chain(fat, cluster), 0, size);
    members.set(path, { facts: `file ${size} ${time}, made ${made}`, ...(content && { content }) });
  }
}

/** The clusters from this one on, as one source. */
function chain(fat: Fat, start: number): ByteSource {
  const clusters: number[] = [];
  const last = fat.bits === 32 ? 0x0ffffff8 : 0xfff8;
  for (let at = start; at >= 2 && at < last; at = next(fat, at)) {
    if (clusters.length * fat.cluster > fat.source.size) throw new RangeError('clusters in a circle');
    clusters.push(at);
  }
  return {
    size: clusters.length * fat.cluster,
    read(into, position) {
      for (let done = 0; done < into.length; ) {
        const at = position + done;
        const within = at % fat.cluster;
        const length = Math.min(fat.cluster - within, into.length - done);
        const cluster = clusters[Math.floor(at / fat.cluster)];
        if (cluster === undefined) throw new RangeError('ends behind its last cluster');
        fat.source.read(into.subarray(done, done + length), fat.firstCluster + (cluster - 2) * fat.cluster + within);
        done += length;
      }
    },
  };
}

function next({ bits, table }: Fat, cluster: number): number {
  return bits === 32 ? table.readUInt32LE(cluster * 4) & 0x0fffffff : table.readUInt16LE(cluster * 2);
}

function longPart(entry: Buffer): string {
  const text = Buffer.concat([entry.subarray(1, 11), entry.subarray(14, 26), entry.subarray(28, 32)]).toString(
    'utf16le',
  );
  return text.split('\0')[0] ?? '';
}

/** `NAME    EXT`; two bits say whether the name and its ending are meant in small letters. */
function shortName(entry: Buffer): string {
  const [name, ending] = [entry.toString('latin1', 0, 8).trimEnd(), entry.toString('latin1', 8, 11).trimEnd()];
  const small = entry[12] ?? 0;
  const shown = [small & 0x08 ? name.toLowerCase() : name, small & 0x10 ? ending.toLowerCase() : ending];
  return shown.filter((part) => part !== '').join('.');
}

function dosTime(entry: Buffer, at: number): string {
  const [time, date] = [entry.readUInt16LE(at), entry.readUInt16LE(at + 2)];
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${1980 + (date >> 9)}-${two((date >> 5) & 15)}-${two(date & 31)}`;
  return `${day}T${two(time >> 11)}:${two((time >> 5) & 63)}:${two((time & 31) * 2)}`;
}
