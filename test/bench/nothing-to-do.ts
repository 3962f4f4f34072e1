import { type Line, median, seconds } from './line.ts';
import { pibuild, timed } from './process.ts';

const BOARD = 'rpi3-minimal';
const TIMES = 15;
/** Milliseconds over Node's own start. */
const MOST = 150;

/** A build with nothing to do, in turns with Node's own start, so that both see the same machine. */
export const nothingToDo: Line = {
  name: 'nothing-to-do',
  what: `make ${BOARD} with nothing to do, whole process`,
  against: 'node -e 0',
  bar: '+ 0.15 s',
  measure: async (say) => {
    say(`make ${BOARD}`);
    await timed(pibuild(['make', BOARD]));
    const ours: number[] = [];
    const node: number[] = [];
    for (let time = 0; time < TIMES; time++) {
      say(`${time + 1} of ${TIMES}`);
      node.push((await timed([process.execPath, '-e', '0'])).took);
      ours.push((await timed(pibuild(['make', BOARD]))).took);
    }
    const over = median(ours) - median(node);
    return {
      ours: seconds(median(ours)),
      theirs: seconds(median(node)),
      result: `+ ${seconds(over)}`,
      met: over <= MOST,
    };
  },
};
