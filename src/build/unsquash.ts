import { closeSync, existsSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from './command.ts';
import type { Unpack } from './compare.ts';
import { throughLoader } from './sandbox.ts';

/**
 * Looks into squashfs, whose blocks Node cannot unpack, by `unsquashfs` of a tools tree: the files, and a listing of
 * their modes, owners and times. `folder` is for what is unpacked.
 */
export function unsquashBy(tools: string, folder: string): Unpack {
  return async (...files) => {
    if (!existsSync(join(tools, PROGRAM)) || !files.every(isSquashfs)) return undefined;
    const [one = '', two = ''] = await Promise.all(
      files.map(async (file, index) => {
        const place = join(folder, `squashfs-${index}`);
        const program = throughLoader(tools, PROGRAM);
        mkdirSync(folder, { recursive: true });
        // What an ordinary user cannot make (devices, attributes) is in the listing.
        await capture([...program, '-quiet', '-no-progress', '-no-xattrs', '-ignore-errors', '-d', place, file]).catch(
          () => '',
        );
        mkdirSync(place, { recursive: true });
        writeFileSync(join(place, LISTING), await capture([...program, '-UTC', '-llnumeric', '-d', '', file]));
        return place;
      }),
    );
    return [one, two];
  };
}

const PROGRAM = 'usr/bin/unsquashfs';
/** Sorts behind all plain names. */
const LISTING = '~modes, owners and times';

function isSquashfs(path: string): boolean {
  const magic = Buffer.alloc(4);
  const file = openSync(path, 'r');
  readSync(file, magic, 0, 4, 0);
  closeSync(file);
  return magic.toString('latin1') === 'hsqs';
}
