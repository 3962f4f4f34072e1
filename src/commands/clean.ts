import { rm } from 'node:fs/promises';
import { ProjectPaths } from '../paths.ts';
import type { Context } from './context.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** Removes what the last builds of boards left in `output/`; the store keeps it all, so making it again takes seconds. */
export async function run(context: Context, call: Call): Promise<number> {
  const project = openProject(context);
  const paths = new ProjectPaths(project.root);
  const boards = call.arguments.length > 0 ? call.arguments : project.names('boards');
  for (const board of boards) {
    project.board(board);
    await rm(paths.output(board), { recursive: true, force: true });
  }
  return exitCodes.ok;
}
