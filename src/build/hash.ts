import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Digest } from '../graph/task.ts';

const CHUNK = 1 << 20;

/** The digest of a file's bytes. Reading the next piece overlaps with hashing the last one. */
export async function hashFile(path: string): Promise<Digest> {
  const file = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    let size = 0;
    let full = Buffer.allocUnsafe(CHUNK);
    let next = Buffer.allocUnsafe(CHUNK);
    let reading = file.read(full, 0, CHUNK);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return { hash: hash.digest('hex'), size };
      reading = file.read(next, 0, CHUNK);
      hash.update(full.subarray(0, bytesRead));
      size += bytesRead;
      [full, next] = [next, full];
    }
  } finally {
    await file.close();
  }
}
