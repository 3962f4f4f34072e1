import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Store } from '../../src/build/store.ts';
import { type Line, median, ratio } from './line.ts';
import { timed } from './process.ts';
import { withFolder } from './project.ts';

const SIZE = 1e9;
const TIMES = 3;
const MOST = 1.2;

/** What the builder does with a big artifact, against reading it for its hash and copying it. */
export const storing: Line = {
  name: 'storing',
  what: 'hashing and storing a 1 GB artifact',
  against: 'sha256sum + cp',
  bar: `<= ${MOST} x`,
  measure: (say) =>
    withFolder(async (folder) => {
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let time = 0; time < TIMES; time++) {
        say(`${time + 1} of ${TIMES}`);
        const file = join(folder, 'artifact');
        const copy = join(folder, 'copy');
        write(file);
        theirs.push((await timed(['sh', '-c', 'sha256sum "$1" && cp "$1" "$2"; rm "$2"', 'sh', file, copy])).took);
        write(file);
        const store = new Store(join(folder, `store-${time}`));
        const start = performance.now();
        await store.adopt(file, false);
        ours.push(performance.now() - start);
      }
      return ratio(median(ours), median(theirs), MOST);
    }),
};

/** A file as a task has just written it: in the page cache, not yet on the disk. */
function write(path: string): void {
  const piece = randomBytes(10e6);
  const file = openSync(path, 'w');
  for (let at = 0; at < SIZE; at += piece.length) {
    piece.writeUInt32LE(at, 0);
    writeSync(file, piece);
  }
  closeSync(file);
}
