import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Diagnostic, Failure, fail } from '../diagnostic.ts';
import { type ActionResult, decodeActionResult, digestOf, encodeActionResult } from '../graph/reapi.ts';
import type { Digest, Fingerprint } from '../graph/task.ts';
import { StorePaths } from '../paths.ts';
import { FREE_SPACE } from './disk-full.ts';
import { hashFile } from './hash.ts';
import { removeFolder } from './remove.ts';

/**
 * The content-addressed store: blobs by their sha256, traces by the digest of their Action. Everything appears by
 * rename, so that a reader sees a whole entry or none; several pibuilds may use one store at once.
 *
 * Every blob carries one fixed time. A file whose time or size is another was written to since: that is how a whole
 * tree is verified without reading it. Single files are read and hashed before use.
 */
export class Store {
  readonly paths: StorePaths;
  /** Names this process's temporary files, so that what it leaves behind can be told from what others work on. */
  readonly session = randomBytes(8).toString('hex');
  readonly #damaged: (entry: string) => void;
  /** Paths of blobs that this process wrote or read whole, with their inodes: a disk does not rot while it looks. */
  readonly #verified = new Map<string, number>();

  /** `damaged` is told of every entry that was not what was written; the entry is gone by then. */
  constructor(root: string, damaged: (entry: string) => void = () => {}) {
    this.paths = new StorePaths(root);
    this.#damaged = damaged;
  }

  /** A new empty folder below the store, on the same filesystem as the blobs. */
  temporary(name: string): string {
    const folder = join(this.#ownFolder(), `${name.replaceAll('/', '+')}-${randomBytes(4).toString('hex')}`);
    writing(() => mkdirSync(folder, { recursive: true, mode: 0o755 }));
    return folder;
  }

  /** The path of a blob that is there and whole, else undefined (a damaged one is removed and reported). */
  async blob(digest: Digest, executable = false): Promise<string | undefined> {
    for (const variant of [executable, !executable]) {
      const path = this.paths.blob(digest.hash, variant);
      if (!existsAs(path, digest)) {
        this.#dropIfPresent(path);
        continue;
      }
      if (!(await this.#isWhole(path, digest))) {
        this.#drop(path);
        continue;
      }
      return variant === executable ? path : this.#otherVariant(path, digest, executable);
    }
    return undefined;
  }

  /** The bytes of a small blob, verified, else undefined. */
  bytes(digest: Digest): Uint8Array | undefined {
    for (const executable of [false, true]) {
      const path = this.paths.blob(digest.hash, executable);
      const bytes = readIfPresent(path);
      if (bytes === undefined) continue;
      if (digestOf(bytes).hash === digest.hash) return bytes;
      this.#drop(path);
    }
    return undefined;
  }

  /** Whether a blob is there with its size and time: the cheap look, for things that are not about to be used. */
  has(digest: Digest): boolean {
    return [false, true].some((executable) => existsAs(this.paths.blob(digest.hash, executable), digest));
  }

  /** The path of a blob, unverified, or undefined: for explanations, which nothing is built from. */
  peek(hash: string): string | undefined {
    return [false, true].map((executable) => this.paths.blob(hash, executable)).find((path) => lstatIfPresent(path));
  }

  putBytes(bytes: Uint8Array, executable = false): Digest {
    const digest = digestOf(bytes);
    if (existsAs(this.paths.blob(digest.hash, executable), digest)) return digest;
    const path = this.#temporaryFile();
    writing(() => {
      const file = openSync(path, 'wx', 0o600);
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      } finally {
        closeSync(file);
      }
    });
    this.place(path, digest, executable);
    return digest;
  }

  /** Moves a file whose digest is known into the store. */
  place(path: string, digest: Digest, executable: boolean): string {
    const blob = this.paths.blob(digest.hash, executable);
    writing(() => {
      seal(path, executable);
      mkdirSync(dirname(blob), { recursive: true, mode: 0o755 });
      renameSync(path, blob);
    });
    this.#verified.set(blob, lstatSync(blob).ino);
    return blob;
  }

  /** Moves a file into the store and writes it through to the disk. */
  async adopt(path: string, executable: boolean): Promise<Digest> {
    const digest = await hashFile(path);
    writing(() => synchronize(path));
    this.place(path, digest, executable);
    return digest;
  }

  /** Copies a file into the store. What was hashed is what was copied, whatever happens to the file meanwhile. */
  async copyIn(path: string, executable: boolean): Promise<Digest> {
    const copy = this.#temporaryFile();
    writing(() => copyFileSync(path, copy));
    const digest = await hashFile(copy);
    this.place(copy, digest, executable);
    return digest;
  }

  /** The result that a task left, or undefined. To `use` it counts for `gc`, to `look` does not. */
  trace(fingerprint: Fingerprint, purpose: 'use' | 'look' = 'use'): ActionResult | undefined {
    const path = this.paths.trace(fingerprint);
    const bytes = readIfPresent(path);
    if (bytes === undefined) return undefined;
    const payload = bytes.subarray(CHECKSUM);
    try {
      if (!checksum(payload).equals(bytes.subarray(0, CHECKSUM))) throw new Error('checksum differs');
      const result = decodeActionResult(payload);
      if (purpose === 'use') this.#used(path);
      return result;
    } catch {
      this.#drop(path);
      return undefined;
    }
  }

  /** A trace's time says when it was last of use: what `gc` keeps longest. */
  #used(path: string): void {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // A store that is only read is still a store.
    }
  }

  /** Records a result. The artifacts must be in the store, and on the disk, by then. */
  record(fingerprint: Fingerprint, result: ActionResult): void {
    const payload = encodeActionResult(result);
    const path = this.paths.trace(fingerprint);
    const temporary = this.#temporaryFile();
    writing(() => {
      const file = openSync(temporary, 'wx', 0o644);
      try {
        writeSync(file, Buffer.concat([checksum(payload), payload]));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      renameSync(temporary, path);
    });
  }

  /** Forgets a result, so that its task runs again. */
  forget(fingerprint: Fingerprint): void {
    rmSync(this.paths.trace(fingerprint), { force: true });
  }

  /** Removes a folder made by `temporary`. */
  async discard(folder: string): Promise<void> {
    await removeFolder(folder);
  }

  /** Reports and removes an entry that is not what it should be. */
  damaged(path: string): void {
    this.#drop(path);
  }

  async #isWhole(path: string, digest: Digest): Promise<boolean> {
    const { ino } = lstatSync(path);
    if (this.#verified.get(path) === ino) return true;
    if ((await hashFile(path)).hash !== digest.hash) return false;
    this.#verified.set(path, ino);
    return true;
  }

  #otherVariant(path: string, digest: Digest, executable: boolean): string {
    const copy = this.#temporaryFile();
    writing(() => copyFileSync(path, copy));
    return this.place(copy, digest, executable);
  }

  #dropIfPresent(path: string): void {
    if (lstatIfPresent(path)) this.#drop(path);
  }

  #drop(path: string): void {
    rmSync(path, { recursive: true, force: true });
    this.#damaged(path.slice(this.paths.root.length + 1));
  }

  #temporaryFile(): string {
    const folder = this.#ownFolder();
    writing(() => mkdirSync(folder, { recursive: true, mode: 0o755 }));
    return join(folder, randomBytes(8).toString('hex'));
  }

  #ownFolder(): string {
    return this.paths.temporaryOf(this.session);
  }
}

/** The time that every blob carries, in seconds since 1970: a date no file gets by being written to. */
export const SEALED = 1_000_000_000;

/** Gives a finished file the mode and time that blobs have. */
export function seal(path: string, executable: boolean): void {
  chmodSync(path, executable ? 0o555 : 0o444);
  utimesSync(path, SEALED, SEALED);
}

/** Whether a file has the size and time of a blob. */
export function isSealed(stat: Stats, size: number): boolean {
  return stat.isFile() && stat.size === size && stat.mtimeMs === SEALED * 1000;
}

/**
 * Makes the file at `path` one with the blob of its digest: the first file of a content becomes the blob, later ones
 * become links to it.
 */
export function share(path: string, digest: Digest, executable: boolean, paths: StorePaths): void {
  const blob = paths.blob(digest.hash, executable);
  seal(path, executable);
  // Others may add and remove the same blob meanwhile.
  for (let attempt = 0; attempt < 10; attempt++) {
    if (attempt > 0) mkdirSync(dirname(blob), { recursive: true, mode: 0o755 });
    if (tryLink(path, blob)) return;
    if (!existsAs(blob, digest)) rmSync(blob, { force: true });
    else if (replaceByLink(path, blob)) return;
  }
}

/** Links a file; false when there is one already, or no folder for it. A file that can have no more links stays alone. */
function tryLink(path: string, link: string): boolean {
  try {
    linkSync(path, link);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EMLINK') return true;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

/** Puts a link to the blob in the place of a file of the same content; false when the blob is gone by now. */
function replaceByLink(path: string, blob: string): boolean {
  if (lstatSync(path).ino === lstatIfPresent(blob)?.ino) return true;
  const link = `${path}.${randomBytes(8).toString('hex')}`;
  if (!tryLink(blob, link)) return false;
  if (lstatIfPresent(link)) renameSync(link, path);
  return true;
}

/** Runs something that writes to the store; a full disk or a read-only one becomes a diagnostic. */
export function writing<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw storeFailure(error) ?? error;
  }
}

/** What the user is told when the store cannot be written, or undefined for any other error. */
export function storeFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const about: Record<string, Pick<Diagnostic, 'code' | 'message' | 'hint'>> = {
    ENOSPC: {
      code: 'store/full',
      message: 'the disk is full',
      hint: FREE_SPACE,
    },
    EDQUOT: {
      code: 'store/full',
      message: 'the disk quota is used up',
      hint: FREE_SPACE,
    },
    EROFS: {
      code: 'store/read-only',
      message: 'the store is on a read-only filesystem',
      hint: 'set PIBUILD_STORE to a folder you can write to',
    },
    EACCES: {
      code: 'store/permission',
      message: 'the store may not be written to',
      hint: 'set PIBUILD_STORE to a folder you can write to',
    },
    EIO: {
      code: 'store/unreadable',
      message: 'the disk that holds the store has errors',
      hint: 'look into the kernel log (dmesg), and move the store to another disk with PIBUILD_STORE',
    },
    EPERM: {
      code: 'store/permission',
      message: 'the store may not be written to',
      hint: 'set PIBUILD_STORE to a folder you can write to',
    },
  };
  const known = code === undefined ? undefined : about[code];
  return known && fail(known.code, path === undefined ? known.message : `${known.message}: ${path}`, known.hint);
}

const CHECKSUM = 32;

function checksum(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function synchronize(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function existsAs(path: string, digest: Digest): boolean {
  const stat = lstatIfPresent(path);
  return stat !== undefined && isSealed(stat, digest.size);
}

function lstatIfPresent(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function readIfPresent(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
