import { captureScript } from '../hat/dump.ts';
import type { Context } from './context.ts';
import { type Call, exitCodes } from './verb.ts';

/** Prints the script that reads, on a real Pi, what a HAT's chips hold. */
export async function run(
  context: Context,
  { options }: Call<{ bus?: number; words?: readonly number[] }>,
): Promise<number> {
  context.stdout.write(captureScript(options.bus ?? 1, options.words));
  return exitCodes.ok;
}
