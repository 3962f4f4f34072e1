import { availableParallelism } from 'node:os';
import { run } from '../../src/build/command.ts';
import { sandboxed } from '../../src/build/sandbox.ts';
import { crossEnvironment } from '../../src/kinds/script.ts';
import { unpackInto } from '../../src/kinds/unpack.ts';
import { type Line, ratio } from './line.ts';
import { pibuild, timed } from './process.ts';
import { withProject } from './project.ts';
import { withSeededStore } from './seeded.ts';
import { withStaged } from './staged.ts';

/** Two kernels from nothing and one that is almost the first one: half an hour on two processors. */

const BOARD = 'kernel';
const TASK = 'linux:build';
/** Not among the board's own. */
const OPTION = 'CONFIG_BSD_PROCESS_ACCT=y';

export const kernelCold: Line = {
  name: 'kernel-cold',
  what: 'the kernel task, cold',
  against: 'the bare make -j of the same tree',
  bar: '<= 1.03 x',
  long: true,
  measure: async (say) => {
    const { cold, bare } = await kernels(say);
    return ratio(cold, bare, 1.03);
  },
};

export const kernelOption: Line = {
  name: 'kernel-option',
  what: 'one kernel option changed, with ccache',
  against: 'the kernel task, cold',
  bar: '<= 0.35 x',
  long: true,
  measure: async (say) => {
    const { cold, option } = await kernels(say);
    return ratio(option, cold, 0.35);
  },
};

interface Kernels {
  readonly cold: number;
  readonly bare: number;
  readonly option: number;
}

let measured: Promise<Kernels> | undefined;

/** Both lines are about the same cold build, so it is made once. */
function kernels(say: (text: string) => void): Promise<Kernels> {
  measured ??= measureKernels(say);
  return measured;
}

function measureKernels(say: (text: string) => void): Promise<Kernels> {
  return withSeededStore(async (store) => {
    const plain = `board: ${BOARD}\nextends: rpi3-minimal\n`;
    const cold = await withProject({ [`boards/${BOARD}/board.yaml`]: plain }, async (folder) => {
      say('what the kernel is built from');
      await timed(pibuild(['-C', folder, 'make', BOARD, 'linux:check'], store));
      say('cold');
      return taskTime(folder, store);
    });
    const files = {
      [`boards/${BOARD}/board.yaml`]: `${plain}kernel: {fragments: [./option.config]}\n`,
      [`boards/${BOARD}/option.config`]: `${OPTION}\n`,
    };
    return withProject(files, async (folder) => {
      await timed(pibuild(['-C', folder, 'make', BOARD, 'linux:check'], store));
      say('one option changed');
      const option = await taskTime(folder, store);
      say('the bare make');
      return { cold, option, bare: await bareMake(folder, store) };
    });
  });
}

/** Milliseconds that pibuild says the task took: inputs laid out, run, artifacts stored. */
async function taskTime(folder: string, store: string): Promise<number> {
  const { stdout } = await timed(pibuild(['-C', folder, '--json', 'make', BOARD, TASK], store));
  for (const line of stdout.split('\n').filter(Boolean)) {
    const event = JSON.parse(line);
    if (event.type === 'task-finished' && event.task === TASK && event.outcome === 'ran') return event.took;
  }
  throw new Error(`${TASK} did not run`);
}

/** make and nothing else: the source lies there, configured, and nothing is done with what comes out. */
function bareMake(folder: string, store: string): Promise<number> {
  return withStaged(folder, BOARD, store, TASK, async ({ sandbox }) => {
    const environment = { ...sandbox.environment, ...crossEnvironment, MAKEFLAGS: `-j${availableParallelism()}` };
    const inside = async (script: string): Promise<number> => {
      const argv = sandboxed({ ...sandbox, environment }, ['/usr/bin/bash', '-euo', 'pipefail', '-c', script]);
      const start = performance.now();
      const ended = await run({ argv, signal: new AbortController().signal });
      if (ended.code !== 0) throw new Error(`the bare make ended with ${ended.code}`);
      return performance.now() - start;
    };
    await inside(`${unpackInto('src', 'source')}; mkdir src/build; cp in/config src/build/.config`);
    return inside('make -C src O=build LOCALVERSION= Image dtbs modules');
  });
}
