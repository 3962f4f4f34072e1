import { collectGarbage } from '../build/collect-garbage.ts';
import { alone, sweep } from '../build/presence.ts';
import { Store } from '../build/store.ts';
import { fail } from '../diagnostic.ts';
import { formatBytes } from '../report/format.ts';
import type { Context } from './context.ts';
import { type Call, exitCodes } from './verb.ts';

const DEFAULT_KEEP = 20 * 1024 ** 3;

/** Brings the store down to a size: what was used last is kept. Refuses while a build is at work in it. */
export async function run(context: Context, call: Call<{ keep?: number }>): Promise<number> {
  const store = new Store(context.store.root);
  const done = await alone(store, async () => {
    await sweep(store);
    // The half-done work of failed tasks is for who looks into the failure now; a kernel's is over a gigabyte.
    await store.discard(store.paths.failures);
    return collectGarbage(store, call.options.keep ?? DEFAULT_KEEP);
  });
  if (!done) throw fail('store/busy', 'a build is at work in this store', 'run gc again when it is done');
  const { freed, kept, traces } = done;
  context.stdout.write(
    context.options.json
      ? `${JSON.stringify(done)}\n`
      : `freed ${formatBytes(freed)}, kept ${formatBytes(kept)}, forgot ${traces} results\n`,
  );
  return exitCodes.ok;
}
