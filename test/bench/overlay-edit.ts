import { run } from '../../src/build/command.ts';
import { type Line, median, ratio } from './line.ts';
import { pibuild, timed, warmStore } from './process.ts';
import { withProject, writeInto } from './project.ts';
import { withStaged } from './staged.ts';

const TIMES = 5;
const MOST = 1.5;
const MOST_MILLISECONDS = 5000;

const FILE = 'overlays/edited/etc/edited';

/** The round that a developer makes most: a file of the root edited, to the image of the card. */
export const overlayEdit: Line = {
  name: 'overlay-edit',
  what: 'one overlay file changed, to the finished image',
  against: 'mke2fs + genimage alone',
  bar: `<= ${MOST} x, 5 s`,
  measure: (say) => {
    const files = { 'boards/edited/board.yaml': 'board: edited\nextends: rpi3-minimal\noverlays: [edited]\n' };
    return withProject({ ...files, [FILE]: 'first\n' }, async (folder) => {
      const make = pibuild(['-C', folder, 'make', 'edited']);
      say('make edited');
      await timed(make);
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let time = 0; time < TIMES; time++) {
        say(`${time + 1} of ${TIMES}`);
        // Never twice the same, or the store would have it.
        writeInto(folder, FILE, `${Date.now()}\n`);
        ours.push((await timed(make)).took);
        theirs.push((await alone(folder, 'edited:rootfs')) + (await alone(folder, 'edited:disk')));
      }
      const measured = ratio(median(ours), median(theirs), MOST);
      return { ...measured, met: measured.met && median(ours) <= MOST_MILLISECONDS };
    });
  },
};

/** What the command of a task takes in its sandbox, without pibuild around it. Milliseconds. */
function alone(folder: string, task: string): Promise<number> {
  return withStaged(folder, 'edited', warmStore, task, async ({ argv }) => {
    const start = performance.now();
    const ended = await run({ argv, signal: new AbortController().signal, tied: true });
    if (ended.code !== 0) throw new Error(`${task} alone ended with ${ended.code}`);
    return performance.now() - start;
  });
}
