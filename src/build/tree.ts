import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fail } from '../diagnostic.ts';
import {
  type Directory,
  type DirectoryNode,
  decodeDirectory,
  digestOf,
  encodeDirectory,
  type FileNode,
  type SymlinkNode,
} from '../graph/reapi.ts';
import type { Artifact, Digest } from '../graph/task.ts';
import { isSealed, SEALED, type Store, share, writing } from './store.ts';

/** Plain trees in the store: their Directories and files are blobs; for use they are unpacked once, as hard links. */

/** Moves a folder into the store as a tree. Special files are refused: they belong into archives. */
export async function adoptTree(store: Store, folder: string): Promise<Digest> {
  const pace = new Pace();
  const digest = await storeFolder(folder, '', pace, {
    // A Directory carries no mode: a tree must look the same whether it was made here or linked from blobs.
    folder: (path) => writing(() => chmodSync(path, 0o755)),
    directory: (encoded) => store.putBytes(encoded),
    file: (path) => {
      const file = hashSmall(path);
      writing(() => share(path, file.digest, file.executable, store.paths));
      return file;
    },
  });
  const place = store.paths.tree(digest.hash);
  if (existsSync(place)) {
    await store.discard(folder);
    return digest;
  }
  writing(() => mkdirSync(dirname(place), { recursive: true, mode: 0o755 }));
  moveIntoPlace(folder, place);
  return digest;
}

/** Copies a folder of the project into the store as a tree. */
export async function copyTreeIn(store: Store, folder: string): Promise<Digest> {
  const scratch = store.temporary('copy');
  const copy = join(scratch, 'file');
  const digest = await storeFolder(folder, '', new Pace(), {
    folder: () => {},
    directory: (encoded) => store.putBytes(encoded),
    file: (path) => {
      const executable = (lstatSync(path).mode & 0o100) !== 0;
      writing(() => copyFileSync(path, copy));
      const { digest } = hashSmall(copy);
      store.place(copy, digest, executable);
      return { digest, executable };
    },
  });
  await store.discard(scratch);
  return digest;
}

/** Of a file or folder of the project: what it is now. Nothing is stored. */
export async function projectArtifact(path: string): Promise<Artifact> {
  try {
    return { type: 'file', ...hashSmall(path) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EISDIR') return { type: 'tree', digest: await treeDigest(path) };
    if (code === 'ENOENT') throw fail('task/no-input', `'${path}' is gone`);
    throw error;
  }
}

/** The folder where a tree lies, whole and read-only, or undefined when something of it is missing from the store. */
export async function unpackTree(store: Store, root: Digest): Promise<string | undefined> {
  const place = store.paths.tree(root.hash);
  const pace = new Pace();
  if (existsSync(place)) {
    const damage = await findDamage(store, place, root, pace);
    if (damage === undefined) return place;
    // The damaged file may be linked into the blobs: what made it wrong here made it wrong there.
    rmSync(damage, { recursive: true, force: true });
    store.damaged(place);
  }
  const folder = store.temporary('tree');
  if (!(await linkFolder(store, folder, root, pace))) {
    await store.discard(folder);
    return undefined;
  }
  writing(() => mkdirSync(dirname(place), { recursive: true, mode: 0o755 }));
  moveIntoPlace(folder, place);
  return place;
}

/** The root folder of a tree, decoded, or undefined when it is not in the store. */
export function rootDirectory(store: Store, root: Digest): Directory | undefined {
  const bytes = store.bytes(root);
  return bytes && decodeDirectory(bytes);
}

/** As an unpacked tree is verified before use: the first path that is not what it should be. The size does not matter. */
export function damageIn(store: Store, place: string, root: Digest): Promise<string | undefined> {
  return findDamage(store, place, root, new Pace());
}

async function treeDigest(folder: string): Promise<Digest> {
  return storeFolder(folder, '', new Pace(), { file: hashSmall, folder: () => {}, directory: digestOf });
}

/** The Directories that a folder of the project is encoded in, by hash. Nothing is stored. */
export async function projectDirectories(folder: string): Promise<Map<string, Uint8Array>> {
  const directories = new Map<string, Uint8Array>();
  const directory = (encoded: Uint8Array): Digest => {
    const digest = digestOf(encoded);
    directories.set(digest.hash, encoded);
    return digest;
  };
  await storeFolder(folder, '', new Pace(), { file: hashSmall, folder: () => {}, directory });
  return directories;
}

interface StoredFile {
  readonly digest: Digest;
  readonly executable: boolean;
}

/** What is done with each file and folder of a tree on its way into the store. */
interface Intake {
  file(path: string): StoredFile;
  folder(path: string): void;
  directory(encoded: Uint8Array): Digest;
}

async function storeFolder(folder: string, below: string, pace: Pace, intake: Intake): Promise<Digest> {
  intake.folder(folder);
  const files: FileNode[] = [];
  const directories: DirectoryNode[] = [];
  const symlinks: SymlinkNode[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const { name } = entry;
    const path = join(folder, name);
    if (entry.isSymbolicLink()) symlinks.push({ name, target: readlinkSync(path) });
    else if (entry.isFile()) files.push({ name, ...intake.file(path) });
    else if (entry.isDirectory()) {
      directories.push({ name, digest: await storeFolder(path, `${below}${name}/`, pace, intake) });
    } else
      throw fail('store/special-file', `'${below}${name}' is neither file, folder nor link`, 'pack it as an archive');
    await pace.breathe();
  }
  return intake.directory(encodeDirectory({ files, directories, symlinks }));
}

/** Links a folder's blobs into place; false when one is missing. */
async function linkFolder(store: Store, place: string, digest: Digest, pace: Pace): Promise<boolean> {
  const directory = rootDirectory(store, digest);
  if (!directory) return false;
  writing(() => {
    mkdirSync(place, { recursive: true });
    // Whatever the umask is: the tree must look as it does where it was made.
    chmodSync(place, 0o755);
  });
  for (const link of directory.symlinks) writing(() => symlinkSync(link.target, join(place, link.name)));
  for (const file of directory.files) {
    if (!(await linkFile(store, join(place, file.name), file))) return false;
    await pace.breathe();
  }
  for (const folder of directory.directories) {
    if (!(await linkFolder(store, join(place, folder.name), folder.digest, pace))) return false;
  }
  return true;
}

async function linkFile(store: Store, place: string, file: FileNode): Promise<boolean> {
  const blob = await wholeBlob(store, file);
  if (blob === undefined) return false;
  try {
    writing(() => linkSync(blob, place));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another pibuild found it damaged meanwhile.
    if (code === 'ENOENT') return false;
    if (code !== 'EMLINK') throw error;
    writing(() => copyFileSync(blob, place));
    utimesSync(place, SEALED, SEALED);
  }
  return true;
}

/** The blob of a tree's file, verified. Read in one go, which for many small files is much faster than streaming. */
async function wholeBlob(store: Store, file: FileNode): Promise<string | undefined> {
  const path = store.paths.blob(file.digest.hash, file.executable);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat && isSealed(stat, file.digest.size) && hashSmall(path).digest.hash === file.digest.hash) return path;
  return store.blob(file.digest, file.executable);
}

/** The first path of an unpacked tree that is not what its Directories say, or undefined when all is well. */
async function findDamage(store: Store, place: string, digest: Digest, pace: Pace): Promise<string | undefined> {
  const directory = rootDirectory(store, digest);
  if (!directory) return place;
  const expected = directory.files.length + directory.directories.length + directory.symlinks.length;
  if (readdirSync(place).length !== expected) return place;
  for (const file of directory.files) {
    const path = join(place, file.name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat || !isSealed(stat, file.digest.size) || ((stat.mode & 0o100) !== 0) !== file.executable) {
      dropBlob(store, file);
      return path;
    }
  }
  for (const link of directory.symlinks) {
    const path = join(place, link.name);
    if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() || readlinkSync(path) !== link.target)
      return path;
  }
  await pace.breathe();
  for (const folder of directory.directories) {
    const path = join(place, folder.name);
    if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
    const damage = await findDamage(store, path, folder.digest, pace);
    if (damage !== undefined) return damage;
  }
  return undefined;
}

/** Removes the blob behind a damaged file if the blob shows the damage too. */
function dropBlob(store: Store, file: FileNode): void {
  const blob = store.paths.blob(file.digest.hash, file.executable);
  const stat = lstatSync(blob, { throwIfNoEntry: false });
  if (stat && !isSealed(stat, file.digest.size)) store.damaged(blob);
}

/** Renames a finished tree to its name; that another pibuild was quicker is as good. */
function moveIntoPlace(folder: string, place: string): void {
  try {
    renameSync(folder, place);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    rmSync(folder, { recursive: true, force: true });
  }
}

const PIECE = Buffer.allocUnsafe(1 << 20);

/** The digest of a file of a tree, read in one go: trees are many small files, and that is what makes this fast. */
function hashSmall(path: string): StoredFile {
  const executable = (lstatSync(path).mode & 0o100) !== 0;
  const file = openSync(path, 'r');
  try {
    const hash = createHash('sha256');
    let size = 0;
    for (;;) {
      const count = readSync(file, PIECE);
      if (count === 0) return { digest: { hash: hash.digest('hex'), size }, executable };
      hash.update(PIECE.subarray(0, count));
      size += count;
    }
  } finally {
    closeSync(file);
  }
}

/** Lets timers, signals and the terminal have their turn during long synchronous work. */
class Pace {
  #last = Date.now();

  async breathe(): Promise<void> {
    if (Date.now() - this.#last < 40) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#last = Date.now();
  }
}
