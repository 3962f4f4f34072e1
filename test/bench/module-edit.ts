import { run } from '../../src/build/command.ts';
import { sandboxed } from '../../src/build/sandbox.ts';
import { type Line, median, ratio, seconds } from './line.ts';
import { pibuild, timed, warmStore } from './process.ts';
import { withProject, writeInto } from './project.ts';
import { type Staged, withStaged } from './staged.ts';

const TIMES = 5;

const BOARD = 'edited';
const SOURCE = 'packages/edited-module/edited-module.c';
const FILES = {
  [`boards/${BOARD}/board.yaml`]: `board: ${BOARD}\nextends: rpi3-minimal\npackages: [edited-module]\n`,
  'packages/edited-module/package.yaml': 'package: edited-module\nkind: kernel-module\n',
  [SOURCE]: source(0),
};

/** Milliseconds over one and a half times the bare make. */
const MORE = 500;

export const moduleEdit: Line = {
  name: 'module-edit',
  what: 'a module edited, to its .ko, whole process',
  against: 'the bare make M=',
  bar: '<= 1.5 x + 0.5 s',
  measure: (say) =>
    withProject(FILES, async (folder) => {
      const make = pibuild(['-C', folder, 'module', 'edited-module', '--board', BOARD]);
      say('the module');
      await timed(make);
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let time = 0; time < TIMES; time++) {
        say(`${time + 1} of ${TIMES}`);
        writeInto(folder, SOURCE, source(Date.now()));
        ours.push((await timed(make)).took);
        theirs.push(await withStaged(folder, BOARD, warmStore, 'edited-module:build', bareMake));
      }
      const most = median(theirs) * 1.5 + MORE;
      return { ...ratio(median(ours), median(theirs), 0), met: median(ours) <= most };
    }),
};

const MOST_MILLISECONDS = 6000;

export const moduleImage: Line = {
  name: 'module-image',
  what: 'a module edited, to the finished image, whole process',
  against: '-',
  bar: '< 6 s',
  measure: (say) =>
    withProject(FILES, async (folder) => {
      const make = pibuild(['-C', folder, 'make', BOARD]);
      say(`make ${BOARD}`);
      await timed(make);
      const ours: number[] = [];
      for (let time = 0; time < TIMES; time++) {
        say(`${time + 1} of ${TIMES}`);
        writeInto(folder, SOURCE, source(Date.now()));
        ours.push((await timed(make)).took);
      }
      return { ours: seconds(median(ours)), theirs: '-', result: '-', met: median(ours) < MOST_MILLISECONDS };
    }),
};

/** make again after a line of a module was changed that was built before. Milliseconds. */
async function bareMake({ sandbox }: Staged): Promise<number> {
  const { signal } = new AbortController();
  const inside = async (script: string): Promise<number> => {
    const start = performance.now();
    const argv = sandboxed(sandbox, ['/usr/bin/bash', '-euo', 'pipefail', '-c', script]);
    const { code } = await run({ argv, signal });
    if (code !== 0) throw new Error(`the bare make ended with ${code}`);
    return performance.now() - start;
  };
  const make = 'make -C in/kernel M=$PWD/src ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules';
  await inside(`bash task.sh; ${make}; sed -i 's/changed [0-9]*/changed again/' src/*.c`);
  return inside(make);
}

function source(number: number): string {
  return `#include <linux/module.h>

static int __init edited_init(void)
{
	pr_info("changed ${number}\\n");
	return 0;
}
module_init(edited_init);

static void __exit edited_exit(void)
{
}
module_exit(edited_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A module that is edited");
`;
}
