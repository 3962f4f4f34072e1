import { constants, type Stats } from 'node:fs';
import {
  chmod,
  copyFile,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Diagnostic, Failure, fail } from '../diagnostic.ts';
import type { Artifact, Digest } from '../graph/task.ts';
import type { ProjectPaths } from '../paths.ts';
import { isAlive } from '../processes.ts';

/** The files of a board that people get. */
export interface Results {
  readonly image: Artifact;
  readonly bmap: Artifact;
  readonly manifest: Artifact;
  /** By the ending of the file, in place of the image's. */
  readonly formats: ReadonlyMap<string, Artifact>;
}

export interface PublishedImage {
  /** Absolute. */
  readonly image: string;
  readonly size: number;
  /** Bytes that are not holes. */
  readonly used: number;
  readonly sha256: string;
  readonly copied: boolean;
}

/**
 * Leaves a board's results in `output/<board>/`: copies, so that whatever is done to them leaves the store whole, and
 * only of what changed. `blob` gives the verified file of a digest. Throws a `Failure` when the folder cannot be written.
 */
export async function publish(
  results: Results,
  board: string,
  paths: ProjectPaths,
  blob: (digest: Digest) => Promise<string>,
): Promise<PublishedImage> {
  const image = paths.image(board);
  const { digest } = results.image;
  const files = [
    { path: image, digest },
    { path: paths.blockMap(board), digest: results.bmap.digest },
    { path: paths.manifest(board), digest: results.manifest.digest },
    ...[...results.formats].map(([format, { digest }]) => ({ path: paths.format(board, format), digest })),
  ];
  return writingTo(dirname(image), async () => {
    await mkdir(dirname(image), { recursive: true });
    const copies = await readCopies(paths.copies(board));
    const stale = [];
    for (const file of files) if (!(await isCopy(file.path, file.digest, copies))) stale.push(file);
    const copied = stale.some(({ path }) => path === image);
    const checksum = `${digest.hash}  ${basename(image)}\n`;
    if ((await textOf(paths.checksum(board))) !== checksum) await writeWhole(paths.checksum(board), checksum);
    for (const file of stale) copies[basename(file.path)] = await copyWhole(await blob(file.digest), file);
    await removeUnfinished(dirname(image));
    if (stale.length > 0) await writeWhole(paths.copies(board), `${JSON.stringify(copies, null, 2)}\n`);
    const { blocks } = await stat(image);
    return { image, size: digest.size, used: Math.min(blocks * 512, digest.size), sha256: digest.hash, copied };
  });
}

/** What each file was copied from, and its time then: a file whose time is another was written to since. */
type Copies = Record<string, { readonly sha256: string; readonly modified: number } | undefined>;

async function readCopies(path: string): Promise<Copies> {
  try {
    return JSON.parse((await textOf(path)) ?? '{}') as Copies;
  } catch {
    return {};
  }
}

async function isCopy(path: string, digest: Digest, copies: Copies): Promise<boolean> {
  const copy = copies[basename(path)];
  if (copy?.sha256 !== digest.hash) return false;
  const now: Stats | undefined = await stat(path).catch(() => undefined);
  return now?.size === digest.size && now.mtimeMs === copy.modified;
}

/** What a pibuild that was killed while it copied left: as large as an image. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /\.(\d+)\.part$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

async function copyWhole(from: string, to: { path: string; digest: Digest }): Promise<NonNullable<Copies[string]>> {
  const unfinished = `${to.path}.${process.pid}.part`;
  try {
    await copySparse(from, unfinished);
    await rename(unfinished, to.path);
  } finally {
    await rm(unfinished, { force: true });
  }
  return { sha256: to.digest.hash, modified: (await stat(to.path)).mtimeMs };
}

/** Copies a file without writing its zeros. Filesystems that share blocks between files (btrfs, xfs) do so at once. */
async function copySparse(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    await chmod(to, 0o644);
    return;
  } catch (error) {
    if (!cannotShareBlocks(error)) throw error;
  }
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'w', 0o644);
    try {
      await copyBlocks(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

function cannotShareBlocks(error: unknown): boolean {
  return ['ENOTSUP', 'EOPNOTSUPP', 'ENOTTY', 'EXDEV', 'EINVAL', 'ENOSYS'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}

async function copyBlocks(source: FileHandle, target: FileHandle): Promise<void> {
  const { size } = await source.stat();
  await target.truncate(size);
  const block = Buffer.alloc(blockSize);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await source.read(block, 0, blockSize, at);
    if (bytesRead === 0) throw new Error(`the file of ${size} bytes ended at ${at}`);
    const bytes = block.subarray(0, bytesRead);
    for (const [start, end] of dataRanges(bytes)) await target.write(bytes, start, end - start, at + start);
    at += bytesRead;
  }
  await target.sync();
}

/** The parts of a block that are not all zeros, in steps of a page. */
function dataRanges(bytes: Buffer): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  for (let start = 0; start < bytes.length; start += page) {
    const end = Math.min(start + page, bytes.length);
    if (bytes.subarray(start, end).equals(zeros.subarray(0, end - start))) continue;
    const last = ranges.at(-1);
    if (last?.[1] === start) last[1] = end;
    else ranges.push([start, end]);
  }
  return ranges;
}

const page = 4096;
const blockSize = 1 << 20;
const zeros = Buffer.alloc(page);

async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.part`;
  await writeFile(unfinished, text);
  await rename(unfinished, path);
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

async function writingTo<T>(folder: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw outputFailure(error, folder) ?? error;
  }
}

function outputFailure(error: unknown, folder: string): Failure | undefined {
  if (error instanceof Failure) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  const messages: Record<string, string> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EROFS: 'the filesystem is read-only',
    EACCES: 'it may not be written to',
    EPERM: 'it may not be written to',
    ENOTDIR: 'a file is in the way',
    EEXIST: 'a file is in the way',
  };
  const message = code === undefined ? undefined : messages[code];
  const hint: Diagnostic['hint'] = 'what was built is in the store; run the same command again when there is room';
  return message === undefined ? undefined : fail('output/cannot-write', `cannot write to ${folder}: ${message}`, hint);
}
