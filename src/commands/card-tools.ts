import { Builder } from '../build/builder.ts';
import { Failure } from '../diagnostic.ts';
import { planPackages } from '../plan.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';

/** The tools that a written card needs. */
const PACKAGE = 'tools/card';

/**
 * The tools tree with blockdev, made if need be; until `close` it stays. Undefined when it cannot be had (no network,
 * say): the card is written, so that is no failure.
 */
export async function cardTools(context: Context): Promise<{ path: string; close(): Promise<void> } | undefined> {
  try {
    const project = openProject(context);
    const { graph, provides } = planPackages(project, [PACKAGE]);
    const tools = provides.get(PACKAGE)?.tools;
    if (tools === undefined) return undefined;
    const reporter = openReporter({ ...context, options: { ...context.options, quiet: true } });
    const builder = new Builder(graph, buildOptions(context, project, 'flash', reporter.emit));
    const close = async (): Promise<void> => {
      reporter.close();
      await builder.close();
    };
    const result = await builder.build([tools.task]);
    if (result.ok) return { path: await builder.path(tools), close };
    await close();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
