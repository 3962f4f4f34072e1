/**
 * The FAT that we ask mkfs.vfat for, and whether files fit in it. FAT32 wherever it is possible, with clusters as small
 * as need be, since that is what Raspberry Pi's own images use.
 */

export interface Fat {
  readonly bits: 16 | 32;
  readonly sectorsPerCluster: number;
  /** Bytes that files and folders can fill, whole clusters. At most a few clusters too many. */
  readonly room: number;
}

/** The type byte of an MBR partition with such a filesystem, addressed by LBA. */
export const FAT_PARTITION: Readonly<Record<Fat['bits'], string>> = { 16: '0x0e', 32: '0x0c' };

export function fatOf(size: number): Fat {
  const sectors = Math.floor(size / SECTOR);
  const large = FAT32_CLUSTERS.find((each) => clustersOf(32, sectors, each) >= FAT32_LEAST);
  if (large !== undefined) {
    // The root folder of FAT32 is a cluster like any other.
    return { bits: 32, sectorsPerCluster: large, room: (clustersOf(32, sectors, large) - 1) * large * SECTOR };
  }
  const small = size <= 16 * MIB ? 1 : 2;
  return { bits: 16, sectorsPerCluster: small, room: clustersOf(16, sectors, small) * small * SECTOR };
}

/** The bytes of whole clusters that a tree of files takes, its folders included. */
export function fatNeed(fat: Fat, files: readonly { readonly path: string; readonly bytes: number }[]): number {
  const cluster = fat.sectorsPerCluster * SECTOR;
  const entries = new Map<string, number>();
  for (const { path } of files) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      entries.set(folder, (entries.get(folder) ?? 0) + (depth === parts.length - 1 ? 1 : 0));
    }
  }
  const folders = [...entries.values()].map((count) => (count + 2) * 32);
  return [...files.map(({ bytes }) => bytes), ...folders].reduce(
    (sum, bytes) => sum + Math.ceil(bytes / cluster) * cluster,
    0,
  );
}

const SECTOR = 512;
const MIB = 1024 * 1024;
/**
 * With fewer clusters it would be taken for FAT16 (Microsoft's fatgen103, "FAT type determination"); a few more than
 * that, since mkfs.vfat rounds its tables up.
 */
const FAT32_LEAST = 65525 + 64;
/** Sectors per cluster, the best first. */
const FAT32_CLUSTERS = [4, 2, 1];

/** What is left beside the reserved sectors, FAT16's root folder, and two tables of one entry per cluster. */
function clustersOf(bits: 16 | 32, sectors: number, sectorsPerCluster: number): number {
  const before = bits === 32 ? 32 : 1 + 32;
  const entry = bits / 8;
  return Math.floor(((sectors - before) * SECTOR + 4 * entry) / (sectorsPerCluster * SECTOR + 2 * entry));
}
