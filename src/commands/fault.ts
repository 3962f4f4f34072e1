import { unwrap } from '../diagnostic.ts';
import { spoilChip } from '../hat/change.ts';
import { planBoard } from '../plan.ts';
import type { Context } from './context.ts';
import { DEFAULT_BOARD } from './module.ts';
import { openProject } from './session.ts';
import { askHats, boardLine, boardOff, hatsOff, order, tellFault } from './set.ts';
import { type Call, exitCodes } from './verb.ts';

/** Lets a chip of an emulated board fail, or lists the chips that can. */
export async function run(
  context: Context,
  { arguments: [chip, ...words], options: { board = DEFAULT_BOARD } }: Call<{ board?: string }>,
): Promise<number> {
  const line = await boardLine(context, board);
  try {
    if (chip === undefined) {
      const { faults } = line ? await askHats(line) : hatsOff(context, board);
      for (const [path, fault] of faults) tellFault(context, path, fault);
      return exitCodes.ok;
    }
    const fault = words.join(' ');
    if (line === undefined) {
      unwrap(spoilChip(planBoard(openProject(context), board).hats, chip, fault));
      throw boardOff(board);
    }
    await order(line, { fault: [[chip, fault]] });
    tellFault(context, chip, fault);
    return exitCodes.ok;
  } finally {
    line?.close();
  }
}
