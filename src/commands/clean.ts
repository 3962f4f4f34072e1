import { readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ProjectPaths } from '../paths.ts';
import type { Context } from './context.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/**
 * Removes what the last builds of boards left in `output/`; the store keeps it all, so making it again takes seconds. What
 * a guest wrote to a card that is kept is nowhere else: it stays, unless it is asked for.
 */
export async function run(context: Context, { arguments: names, options }: Call<{ cards?: boolean }>): Promise<number> {
  const project = openProject(context);
  const paths = new ProjectPaths(project.root);
  for (const board of names.length > 0 ? names : project.names('boards')) {
    if (names.length > 0) project.board(board);
    const card = paths.keptCard(board);
    const kept = options.cards ? [] : await removeAllBut(paths.output(board), [card, paths.keptCardNote(board)]);
    if (options.cards) await rm(paths.output(board), { recursive: true, force: true });
    if (kept.includes(card) && !context.options.quiet) {
      context.stderr.write(
        `${relative(context.cwd, card)} stays: what \`run --persist\` wrote (--cards removes it too)\n`,
      );
    }
  }
  return exitCodes.ok;
}

/** Empties a folder but for some files; gives those that are there. Without any, the folder goes too. */
async function removeAllBut(folder: string, files: readonly string[]): Promise<string[]> {
  const all = (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
  const kept = all.filter((path) => files.includes(path));
  if (kept.length === 0) await rm(folder, { recursive: true, force: true });
  for (const path of all) if (!kept.includes(path)) await rm(path, { recursive: true, force: true });
  return kept;
}
