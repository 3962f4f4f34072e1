import type { Diagnostic, SourceLocation } from '../diagnostic.ts';
import type { Path } from './document.ts';
import type { Board, DataPartition, Partition } from './model.ts';
import { recipeProblem } from './problem.ts';
import type { BoardRecipe, ImageFormat } from './schema.ts';
import { formatSize, parseSize } from './units.ts';

type Image = Board['image'];
type Name = keyof Image['partitions'];
type At = (path: Path) => SourceLocation;

const MEGABYTE = 1024 ** 2;
/** A FAT with less is one of 12 bits; a journal of 4 MiB may be less than half of an ext4. */
const LEAST: Readonly<Partial<Record<Partition['format'], number>>> = { vfat: 8 * MEGABYTE, ext4: 12 * MEGABYTE };
/** Sectors that 32 bits can count. */
const MBR_MOST = 2 ** 32 * 512;

/** The card image with every default filled in. What no tool could make is added to `problems`. */
export function resolveImage(recipe: BoardRecipe, at: At, problems: Diagnostic[]): Image {
  const { image } = recipe;
  const { boot, root, data } = image?.partitions ?? {};
  const rootFormat = root?.format ?? 'ext4';
  const resolved: Image = {
    ...(image?.size !== undefined && { size: parseSize(image.size) }),
    table: image?.table ?? 'mbr',
    formats: [...new Set<ImageFormat>(['img', 'bmap', ...(image?.formats ?? [])])],
    partitions: {
      boot: partition('vfat', boot?.size ?? 128 * MEGABYTE, boot?.label ?? 'BOOT'),
      root: partition(
        rootFormat,
        root?.size ?? (rootFormat === 'ext4' ? 512 * MEGABYTE : undefined),
        root?.label ?? 'root',
      ),
      ...(data && { data: dataPartition(data) }),
    },
  };
  problems.push(...wrongSizes(resolved, at), ...wrongLabels(resolved, at));
  return resolved;
}

function dataPartition({
  size,
  label,
  grow,
}: NonNullable<NonNullable<NonNullable<BoardRecipe['image']>['partitions']>['data']>): DataPartition {
  return { format: 'ext4', size: parseSize(size ?? 64 * MEGABYTE), label: label ?? 'data', grow: grow ?? false };
}

function partition(format: Partition['format'], size: string | number | undefined, label: string): Partition {
  return { format, label, ...(size !== undefined && { size: parseSize(size) }) };
}

function wrongSizes({ size, table, partitions }: Image, at: At): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const wrong = (message: string, path: Path, hint?: string): void => {
    problems.push(recipeProblem('bad-value', message, at(path), hint));
  };
  if (size !== undefined && size % 512 !== 0) wrong('an image has whole sectors of 512 bytes', ['image', 'size']);
  for (const [name, { format, size: bytes }] of entriesOf(partitions)) {
    if (bytes === undefined) continue;
    const path = ['image', 'partitions', name, 'size'];
    const least = LEAST[format] ?? 0;
    if (bytes < least) wrong(`${formatSize(bytes)} are too little for ${format}: it takes ${formatSize(least)}`, path);
    if (table === 'mbr' && bytes >= MBR_MOST) {
      wrong(`an MBR has no partition of ${formatSize(bytes)}`, path, 'take `table: gpt`');
    }
  }
  return problems;
}

/** A filesystem is found by its label: two must not have one. */
function wrongLabels({ partitions }: Image, at: At): Diagnostic[] {
  const seen = new Map<string, string>();
  return entriesOf(partitions).flatMap(([name, { format, label }]) => {
    const path = ['image', 'partitions', name, 'label'];
    const other = seen.get(label.toLowerCase());
    seen.set(label.toLowerCase(), name);
    if (other !== undefined) {
      return [recipeProblem('bad-value', `'${name}' has the label of '${other}': ${label}`, at(path))];
    }
    const allowed = format === 'vfat' ? /^[A-Z0-9_-]{1,11}$/ : /^[\w.-]{1,11}$/;
    if (allowed.test(label)) return [];
    const hint = format === 'vfat' ? 'capital letters, digits, - and _' : 'letters, digits, -, _ and .';
    return [recipeProblem('bad-value', `'${label}' is no label of a ${format}`, at(path), hint)];
  });
}

function entriesOf(partitions: Image['partitions']): [Name, Partition][] {
  return Object.entries(partitions) as [Name, Partition][];
}
