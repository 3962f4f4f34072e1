import { resolve } from 'node:path';
import { Builder } from '../build/builder.ts';
import type { Event } from '../build/event.ts';
import { unpackImage } from '../device/packed-image.ts';
import type { DeviceTools } from '../device/tools.ts';
import { Failure } from '../diagnostic.ts';
import type { TaskId } from '../graph/task.ts';
import type { Hat } from '../hat/hat.ts';
import type { ArtifactRef } from '../kinds/kind.ts';
import { ProjectPaths } from '../paths.ts';
import { type BoardPlan, planBoard } from '../plan.ts';
import type { Board, Check, Emulator } from '../recipe/model.ts';
import type { Context } from './context.ts';
import { DEVICE_TREES } from './device-tools.ts';
import { openReporter } from './reporting.ts';
import { leaveResults } from './results.ts';
import { buildOptions, openProject } from './session.ts';
import { lockVanished, watchVanished } from './vanished.ts';

/** A board with its image and the tools to emulate it, both made if need be. */
export interface ReadyBoard {
  readonly board: Board;
  readonly emulator: Emulator;
  readonly checks: readonly Check[];
  /** The HATs on it. */
  readonly hats: readonly Hat[];
  /** The card image, absolute. */
  readonly image: string;
  readonly tools: DeviceTools;
  readonly paths: ProjectPaths;
  /** Lets the store be tidied again: until then the tools stay. */
  close(): Promise<void>;
}

/**
 * Makes what it takes to emulate a board: its image, unless the user names another, and the tools. Undefined when a
 * task failed, which the reporter has told. Throws a `Failure` for a board that cannot be emulated.
 */
export async function readyBoard(context: Context, name: string, image?: string): Promise<ReadyBoard | undefined> {
  const relocked = new Set<string>();
  for (;;) {
    const before = relocked.size;
    const ready = await tryToReady(context, name, image, relocked);
    if (ready !== undefined || relocked.size === before) return ready;
  }
}

/** As `make` does: packages whose files are gone from everywhere are locked anew, each once. */
async function tryToReady(
  context: Context,
  name: string,
  image: string | undefined,
  relocked: Set<string>,
): Promise<ReadyBoard | undefined> {
  const project = openProject(context);
  const plan = planBoard(project, name, DEVICE_TREES);
  const emulator = emulatorOf(plan.board);
  const trees = DEVICE_TREES.map((tree) => treeOf(plan, tree)) as [ArtifactRef, ArtifactRef, ArtifactRef];
  const paths = new ProjectPaths(project.root);
  const reporter = openReporter(context, name);
  // The lines about a ready image say how to run it: that is being done.
  const emit = (event: Event): void => void (event.type !== 'image-ready' && reporter.emit(event));
  const vanished = watchVanished(emit);
  const options = buildOptions(context, project, name, vanished.emit);
  const builder = new Builder(plan.graph, options);
  try {
    const targets: TaskId[] = [...(image === undefined ? plan.card : []), ...trees.map(({ task }) => task)];
    const result = await builder.build(targets);
    const again = [...vanished.packages].filter((each) => !relocked.has(each));
    for (const each of await lockVanished(context, project, again, emit)) relocked.add(each);
    if (!result.ok) return undefined;
    if (image === undefined) await leaveResults(options.store, project, plan, result, emit);
    const [bootstrap, imageTools, emulatorTools] = trees;
    const tools = {
      bubblewrap: await builder.path(bootstrap),
      image: await builder.path(imageTools),
      emulator: await builder.path(emulatorTools),
    };
    const path = image === undefined ? paths.image(name) : resolve(context.cwd, image);
    const unpacked = await unpackImage(path, paths.output(name), tools, context.signal);
    return {
      board: plan.board,
      emulator,
      checks: plan.checks,
      hats: plan.hats,
      image: unpacked.path,
      tools,
      paths,
      close: async () => {
        await unpacked.remove();
        await builder.close();
      },
    };
  } catch (error) {
    await builder.close();
    throw error;
  } finally {
    reporter.close();
  }
}

function treeOf(plan: BoardPlan, name: string): ArtifactRef {
  const tools = plan.provides.get(name)?.tools;
  if (tools === undefined) throw new Error(`${name} is no tools tree`);
  return tools;
}

function emulatorOf(board: Board): Emulator {
  if (board.emulator !== undefined) return board.emulator;
  throw new Failure({
    severity: 'error',
    code: 'device/no-emulator',
    message: `board '${board.name}' says nothing about how to emulate it`,
    at: board.at(),
    hint: 'give it an `emulator:` section with a `machine:`, like raspi3b',
  });
}
