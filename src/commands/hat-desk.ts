import { resolve } from 'node:path';
import { serveControl } from '../device/control.ts';
import type { EmulatedBoard } from '../device/emulator.ts';
import { type HatOrder, type HatState, type LiveHats, openLiveHats, type TwinLink } from '../device/live-hats.ts';
import { play } from '../device/play.ts';
import { sshTarget } from '../device/running.ts';
import { sshLink } from '../device/twin-link.ts';
import { Failure, fail, unwrap } from '../diagnostic.ts';
import { changeValues, type Settable, settable } from '../hat/change.ts';
import type { Output } from '../hat/gpio.ts';
import type { Hat } from '../hat/hat.ts';
import type { Timeline } from '../hat/timeline.ts';
import { planBoard } from '../plan.ts';
import { displayPath } from '../recipe/files.ts';
import type { Context } from './context.ts';
import type { ReadyBoard } from './emulate.ts';
import { openProject } from './session.ts';

/** What other commands ask of the pibuild that has a board on. */
export type HatRequest =
  | { readonly ask: 'hats' }
  /** The GPIO lines that the board drives, which only itself knows: the answer is `Output[]`. */
  | { readonly ask: 'outputs' }
  /** Make it so. */
  | { readonly ask: 'apply'; readonly order: HatOrder };

/** The answer to the first and the last: every quantity and what it is now, and the chips that can fail, with what is wrong with them. */
export interface HatAnswer {
  readonly values: readonly Settable[];
  readonly faults: readonly (readonly [chip: string, words: string])[];
}

/** The HATs of a board that this process has on: what changes them, from here and from other commands. */
export interface HatDesk {
  /** Goes through a timeline, beginning when the board can be reached. */
  play(timeline: Timeline): void;
  close(): void;
}

/** Reads what is asked of a board's HATs. Throws a `Failure` for values and timelines that cannot be. */
export async function readWishes(
  context: Context,
  board: string,
  { set = [], timeline }: { readonly set?: readonly string[]; readonly timeline?: string },
): Promise<Timeline | undefined> {
  if (set.length === 0 && timeline === undefined) return undefined;
  const hats = unwrap(changeValues(planBoard(openProject(context), board).hats, set));
  return timeline === undefined ? undefined : await readTimelineOf(context, timeline, hats);
}

/** A file that the user named, read only where there is one: its parser is not for every start. */
export async function readTimelineOf(context: Context, file: string, hats: readonly Hat[]): Promise<Timeline> {
  const { readTimeline } = await import('../hat/timeline-file.ts');
  return readTimeline(resolve(context.cwd, file), hats, (path) => displayPath(path, context.cwd));
}

/** Listens for other commands until it is closed. `onProblem` hears what nobody waits for. */
export async function openHatDesk(
  context: Context,
  { tools, board, paths }: ReadyBoard,
  hats: readonly Hat[],
  emulated: EmulatedBoard,
  onProblem: (message: string) => void,
): Promise<HatDesk> {
  const stopped = new AbortController();
  const signal = AbortSignal.any([context.signal, stopped.signal]);
  const target = sshTarget(emulated.forwards);
  const link: TwinLink =
    target === undefined ? nowhere(board.name) : sshLink({ tools, target, environment: context.env, signal });
  const live = openLiveHats(hats, emulated.control, link, (failure) => onProblem(failure.message));
  const stopServing = await serveControl(paths.output(board.name), (request) =>
    answer(request as HatRequest, live),
  ).catch((error: Error) => {
    onProblem(`\`pibuild set\` and \`pibuild fault\` will not find this board: ${error.message}`);
    return () => {};
  });
  return {
    play: (timeline) => {
      live
        .reachable()
        .then(() => play(timeline, (moment) => live.apply(moment), signal))
        .catch((error: unknown) => {
          if (signal.aborted) return;
          if (!(error instanceof Failure)) throw error;
          onProblem(`the timeline ended early: ${error.message}`);
        });
    },
    close: () => {
      stopServing();
      stopped.abort();
      live.close();
    },
  };
}

async function answer(request: HatRequest, live: LiveHats): Promise<HatAnswer | readonly Output[]> {
  if (request.ask === 'outputs') return live.outputs();
  if (request.ask === 'apply') await live.apply(request.order);
  return answerOf(live.state);
}

/** The same of a board that is not on, from its recipe. */
export function answerOf({ hats, faults }: HatState): HatAnswer {
  const chips = hats.flatMap((hat) => hat.chips.map((chip) => ({ chip, path: `${hat.name}.${chip.name}` })));
  return {
    values: settable(hats),
    faults: chips.flatMap(({ chip, path }) =>
      chip.engine === 'twin' ? [[path, faults.get(path)?.words ?? 'none'] as const] : [],
    ),
  };
}

/** A board without a network, or whose SSH no port leads to: only what QEMU models can be changed. */
function nowhere(board: string): TwinLink {
  const no = () => Promise.reject(fail('device/no-ssh', `no port leads to the SSH of the emulated '${board}'`));
  return {
    open: no,
    send: no,
    restarted: () => {},
    close: () => {},
  };
}
