import { unwrap } from '../diagnostic.ts';
import { spoilChip } from '../hat/change.ts';
import type { Hat } from '../hat/hat.ts';
import { planBoard } from '../plan.ts';
import type { Context } from './context.ts';
import type { HatAnswer, HatRequest } from './hat-desk.ts';
import { DEFAULT_BOARD } from './module.ts';
import { openProject } from './session.ts';
import { boardLine, notOn, tellFault } from './set.ts';
import { type Call, exitCodes } from './verb.ts';

/** Lets a chip of an emulated board fail, or lists the chips that can. */
export async function run(
  context: Context,
  { arguments: [chip, ...words], options: { board = DEFAULT_BOARD } }: Call<{ board?: string }>,
): Promise<number> {
  const project = openProject(context);
  const { hats } = planBoard(project, board);
  const fault = words.join(' ');
  if (chip !== undefined) unwrap(spoilChip(hats, chip, fault));
  const line = await boardLine(project.root, board);
  try {
    if (chip === undefined) {
      list(context, hats, line && (await line.ask<HatAnswer>({ ask: 'hats' } satisfies HatRequest)));
      return exitCodes.ok;
    }
    if (line === undefined) throw notOn(board);
    await line.ask({ ask: 'apply', order: { fault: [[chip, fault]] } } satisfies HatRequest);
    tellFault(context, chip, fault);
    return exitCodes.ok;
  } finally {
    line?.close();
  }
}

function list(context: Context, hats: readonly Hat[], now: HatAnswer | undefined): void {
  const chips = hats.flatMap(({ name, chips }) =>
    chips.filter(({ engine }) => engine === 'twin').map((chip) => `${name}.${chip.name}`),
  );
  for (const path of chips) tellFault(context, path, now?.faults[path] ?? 'none');
}
