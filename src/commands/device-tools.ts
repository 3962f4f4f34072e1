import { Builder } from '../build/builder.ts';
import type { DeviceTools } from '../device/tools.ts';
import { planPackages } from '../plan.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';

/** The tools trees of the emulated board; the first makes every sandbox. */
export const DEVICE_TREES = ['tools/bootstrap', 'tools/image', 'tools/emulator'] as const;

/** Those trees without a board, made if need be; until `close` they stay. Undefined when one failed, which has been told. */
export async function deviceTools(
  context: Context,
  owner: string,
): Promise<{ tools: DeviceTools; close(): Promise<void> } | undefined> {
  const project = openProject(context);
  const { graph, provides } = planPackages(project, DEVICE_TREES);
  const trees = DEVICE_TREES.map((name) => provides.get(name)?.tools);
  const [bootstrap, image, emulator] = trees;
  if (!bootstrap || !image || !emulator) throw new Error('these are no tools trees');
  const reporter = openReporter({ ...context, options: { ...context.options, quiet: true } }, owner);
  const builder = new Builder(graph, buildOptions(context, project, owner, reporter.emit));
  try {
    const result = await builder.build([bootstrap.task, image.task, emulator.task]);
    const close = (): Promise<void> => builder.close();
    if (!result.ok) {
      await close();
      return undefined;
    }
    const [bubblewrap, imageTree, emulatorTree] = [
      await builder.path(bootstrap),
      await builder.path(image),
      await builder.path(emulator),
    ];
    return { tools: { bubblewrap, image: imageTree, emulator: emulatorTree }, close };
  } finally {
    reporter.close();
  }
}
