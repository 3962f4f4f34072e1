import type { Context } from './context.ts';
import type { Call } from './verb.ts';

export async function run(_context: Context, _call: Call): Promise<number> {
  throw new Error('not written yet');
}
