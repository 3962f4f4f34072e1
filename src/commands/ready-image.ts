import { Builder } from '../build/builder.ts';
import type { Event } from '../build/event.ts';
import { ProjectPaths } from '../paths.ts';
import { planBoard } from '../plan.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { leaveResults } from './results.ts';
import { buildOptions, openProject } from './session.ts';
import { lockVanished, watchVanished } from './vanished.ts';

/**
 * Makes the image of a board if need be, and gives its path. Undefined when a task failed, which the reporter has told.
 * Packages whose files are gone from everywhere are locked anew, each once, as `make` does.
 */
export async function readyImage(context: Context, name: string): Promise<string | undefined> {
  const relocked = new Set<string>();
  for (;;) {
    const before = relocked.size;
    const image = await tryToReady(context, name, relocked);
    if (image !== undefined || relocked.size === before) return image;
  }
}

async function tryToReady(context: Context, name: string, relocked: Set<string>): Promise<string | undefined> {
  const project = openProject(context);
  const plan = planBoard(project, name);
  const reporter = openReporter(context, name);
  // The lines about a ready image say how to write it: that is being done.
  const emit = (event: Event): void => void (event.type !== 'image-ready' && reporter.emit(event));
  const vanished = watchVanished(emit);
  const options = buildOptions(context, project, name, vanished.emit);
  const builder = new Builder(plan.graph, options);
  try {
    const result = await builder.build(plan.card);
    const again = [...vanished.packages].filter((each) => !relocked.has(each));
    for (const each of await lockVanished(context, project, again, emit)) relocked.add(each);
    if (!result.ok) return undefined;
    await leaveResults(options.store, project, plan, result, emit);
    return new ProjectPaths(project.root).image(name);
  } finally {
    await builder.close();
    reporter.close();
  }
}
