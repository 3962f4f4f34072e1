import { type Inode, readContent } from './layer.ts';
import type { Root } from './layers.ts';
import { baseOf, parentOf } from './tree-path.ts';

/**
 * The ext4 that we ask mke2fs for, and how much room there is in it. The sums follow e2fsprogs 1.47 (lib/ext2fs/
 * initialize.c, misc/mke2fs.c), so that "does not fit, by 1,234,567 bytes" can be said before mke2fs fails.
 */

export const EXT4_BLOCK = 4096;

/** What every reader of the last ten years knows. Named in full, so that no mke2fs.conf has a say. */
const FEATURES = [
  ...['none', 'has_journal', 'ext_attr', 'resize_inode', 'dir_index', 'filetype', 'extent', '64bit', 'flex_bg'],
  ...['sparse_super', 'large_file', 'huge_file', 'dir_nlink', 'extra_isize', 'metadata_csum'],
];

export interface Ext4 {
  readonly blocks: number;
  /** Files, folders and links that it can hold. */
  readonly inodes: number;
  /** Blocks that they can fill. */
  readonly room: number;
  /** MiB. */
  readonly journal: number;
}

export interface Ext4Need {
  readonly blocks: number;
  readonly inodes: number;
}

/** The filesystem that fills so many bytes. */
export function ext4Of(size: number): Ext4 {
  const inodes = inodesOf(size);
  const journal = journalOf(size);
  let blocks = Math.floor(size / EXT4_BLOCK);
  for (;;) {
    const groups = Math.ceil(blocks / GROUP);
    const tableBlocks = Math.ceil((Math.ceil(inodes / groups) * INODE) / EXT4_BLOCK);
    const backup = 1 + Math.ceil(groups / DESCRIPTORS) + reservedDescriptorBlocks(blocks);
    const overheadOf = (group: number) => 2 + tableBlocks + (hasBackup(group) ? backup : 0);
    // A last group with hardly any room beside its own tables is left out.
    const rest = blocks % GROUP;
    if (groups > 1 && rest > 0 && rest < overheadOf(groups - 1) + 50) {
      blocks -= rest;
      continue;
    }
    let overhead = journal * (MIB / EXT4_BLOCK) + OWN_BLOCKS;
    for (let group = 0; group < groups; group++) overhead += overheadOf(group);
    const all = groups * tableBlocks * (EXT4_BLOCK / INODE);
    return { blocks, inodes: Math.max(0, all - OWN_INODES), room: Math.max(0, blocks - overhead), journal };
  }
}

/** mke2fs's options for a file of this size, with a label, and an id that seeds the hashes of names too, to be the same twice. `journal` is in MiB. */
export function mke2fsOptions(size: number, label: string, uuid: string, journal = journalOf(size)): string[] {
  return [
    ...['-t', 'ext4', '-b', String(EXT4_BLOCK), '-I', String(INODE), '-N', String(inodesOf(size)), '-m', '0'],
    ...['-O', FEATURES.join(','), '-J', `size=${journal}`, '-L', label, '-U', uuid],
    ...['-E', `hash_seed=${uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0`],
  ];
}

/**
 * What a root needs of an ext4. `exact` reads every file, since mke2fs leaves out blocks of zeros; otherwise it is a
 * little too much, never too little (but for extents scattered over a nearly full filesystem).
 */
export function ext4Need(root: Root, exact: boolean): Ext4Need {
  const inodes = new Set(root.filter(({ path }) => path !== '').map(({ inode }) => inode));
  let blocks = folderBlocks(root);
  for (const inode of inodes) {
    if (inode.type === 'symlink' && Buffer.byteLength(inode.target) >= INLINE_LINK) blocks += 1;
    if (inode.type === 'file') blocks += fileBlocks(inode, exact);
  }
  return { blocks, inodes: inodes.size };
}

const MIB = 1024 * 1024;
const INODE = 256;
/** Blocks of a group: as many as one block of bits can tell. */
const GROUP = 8 * EXT4_BLOCK;
/** Group descriptors (64 bytes each with `64bit`) of a block. */
const DESCRIPTORS = EXT4_BLOCK / 64;
/** The root folder's first block, lost+found's four, and the resize inode's own. */
const OWN_BLOCKS = 1 + 4 + 1;
/** Ten that are reserved, and lost+found. */
const OWN_INODES = 11;
const INLINE_LINK = 60;
/** Extents inside the inode, and in a block of them. */
const INLINE_EXTENTS = 4;
const EXTENTS = 340;

/** One for every so many bytes; a small root has smaller files. */
function inodesOf(size: number): number {
  return Math.floor(size / (size < 512 * MIB ? 8192 : 16384));
}

/** MiB. */
function journalOf(size: number): number {
  return size < 128 * MIB ? 4 : size < 1024 * MIB ? 8 : 16;
}

/** `calc_reserved_gdt_blocks`: room for the descriptors of a filesystem a thousand times larger. */
function reservedDescriptorBlocks(blocks: number): number {
  const most = Math.min(blocks * 1024, 0xffffffff);
  const wanted = Math.ceil(Math.ceil(most / GROUP) / DESCRIPTORS) - Math.ceil(Math.ceil(blocks / GROUP) / DESCRIPTORS);
  return Math.min(wanted, EXT4_BLOCK / 4);
}

/** `sparse_super`: copies of the superblock in groups 0, 1, and the powers of 3, 5 and 7. */
function hasBackup(group: number): boolean {
  if (group <= 1) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

/** Blocks of all folders but the root's first: entries are packed first fit, each block ends in a checksum. */
function folderBlocks(root: Root): number {
  const free = new Map<string, number[]>();
  for (const { path, inode } of root) {
    if (inode.type === 'folder') free.set(path, [EXT4_BLOCK - 12 - 24 - (path === '' ? 20 : 0)]);
    if (path === '') continue;
    const length = 8 + Math.ceil(Buffer.byteLength(baseOf(path)) / 4) * 4;
    const blocks = free.get(parentOf(path)) ?? [];
    const fitting = blocks.findIndex((left) => left >= length);
    if (fitting >= 0) blocks[fitting] = (blocks[fitting] ?? 0) - length;
    else blocks.push(EXT4_BLOCK - 12 - length);
  }
  return [...free.values()].reduce((sum, blocks) => sum + blocks.length, -1);
}

function fileBlocks(inode: Inode, exact: boolean): number {
  const runs = exact ? dataRuns(inode) : [Math.ceil(inode.size / EXT4_BLOCK)];
  const extents = runs.reduce((sum, run) => sum + Math.ceil(run / GROUP), 0);
  const index = extents > INLINE_EXTENTS ? Math.ceil(extents / EXTENTS) : 0;
  return runs.reduce((sum, run) => sum + run, index);
}

/** Lengths, in blocks, of a file's stretches that are not zeros. */
function dataRuns(inode: Inode): number[] {
  const runs: number[] = [];
  const piece = Buffer.alloc(Math.min(inode.size, MIB));
  let inRun = false;
  for (let at = 0; at < inode.size; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, inode.size - at));
    readContent(inode.content, part, at);
    for (let start = 0; start < part.length; start += EXT4_BLOCK) {
      const block = part.subarray(start, start + EXT4_BLOCK);
      const zero = block.equals(zeros.subarray(0, block.length));
      if (!zero && inRun) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
      else if (!zero) runs.push(1);
      inRun = !zero;
    }
  }
  return runs;
}

const zeros = Buffer.alloc(EXT4_BLOCK);
