import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isAlive } from '../processes.ts';

/** A download under way: its file, how much is there, and the hash so far. */
export interface Partial {
  readonly path: string;
  /** Bytes written so far. */
  readonly size: number;
  write(bytes: Uint8Array): Promise<void>;
  /** Throws the bytes away and starts again at 0. */
  restart(): Promise<void>;
  /** The sha256 of all bytes, in hexadecimal. */
  digest(): string;
  /** Closes the file and leaves it at `path`, for the caller to move on. */
  finish(): Promise<void>;
  /** Closes the file and puts it back for whoever resumes it. */
  release(): Promise<void>;
}

/**
 * Claims the unfinished download at `path`, or begins one. Claiming is a rename to a name with this process in it, so two
 * pibuilds never write one file; what a killed pibuild had claimed is claimed from it.
 */
export async function claimPartial(path: string): Promise<Partial> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}.${++claims}`;
  for (const left of [path, ...(await abandoned(path))]) {
    if (await moved(left, own)) break;
  }
  return resume(await open(own, 'a'), own, path);
}

let claims = 0;

async function resume(file: FileHandle, own: string, path: string): Promise<Partial> {
  let hash = createHash('sha256');
  let size = await hashFile(own, hash);
  return {
    path: own,
    get size() {
      return size;
    },
    write: async (bytes) => {
      for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
      hash.update(bytes);
      size += bytes.length;
    },
    restart: async () => {
      await file.truncate(0);
      hash = createHash('sha256');
      size = 0;
    },
    digest: () => hash.copy().digest('hex'),
    finish: () => file.close(),
    release: async () => {
      await file.close();
      if (size > 0) await moved(own, path);
      else await rm(own, { force: true });
    },
  };
}

async function hashFile(path: string, hash: Hash): Promise<number> {
  let size = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return size;
}

/** Claims of processes that are gone. */
async function abandoned(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`;
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix));
  return names
    .filter((name) => !isAlive(Number(name.slice(prefix.length).split('.')[0])))
    .map((name) => join(dirname(path), name));
}

async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
