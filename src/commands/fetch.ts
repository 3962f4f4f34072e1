import { build } from '../build/builder.ts';
import { planBoard } from '../plan.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** What `run`, `test` and `flash` need beside the image. */
const FURTHER_TOOLS = ['tools/emulator', 'tools/card'];

/** Downloads whatever making, running, testing and flashing boards may need, so that all of it works without a network. */
export async function run(context: Context, call: Call): Promise<number> {
  const project = openProject(context);
  const boards =
    call.arguments.length > 0
      ? call.arguments
      : project.names('boards').filter((name) => !project.board(name).abstract);
  for (const name of boards) {
    const { board, graph } = planBoard(project, name, FURTHER_TOOLS);
    const targets = [...graph.tasks.values()].filter(({ pool }) => pool === 'network').map(({ id }) => id);
    const reporter = openReporter(context, board.name);
    try {
      const result = await build(graph, targets, buildOptions(context, project, name, reporter.emit));
      if (!result.ok) return exitCodes.failed;
    } finally {
      reporter.close();
    }
  }
  return exitCodes.ok;
}
