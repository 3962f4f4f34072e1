import { quote } from '../kinds/script.ts';
import { createReporter, type Reporter } from '../report/reporter.ts';
import type { Context } from './context.ts';
import { verbs } from './index.ts';

/** The reporter of a board's build (or of one without a board), as the user's options and the output ask for. Close it when the work is done. */
export function openReporter(context: Context, board?: string): Reporter {
  const { cwd, env, options, stdout } = context;
  const names = verbs.map(({ name }) => name);
  return createReporter(stdout, {
    ...options,
    cwd,
    env,
    self: selfOf(context),
    verbs: names,
    ...(board !== undefined && { board }),
  });
}

/** How to call pibuild again from here, for lines that are made to be pasted. */
export function selfOf({ env, options }: Context): string {
  const words = env.npm_command === 'exec' ? ['npx', 'pibuild'] : ['pibuild'];
  if (options.project !== undefined) words.push('-C', options.project);
  if (options.store !== undefined) words.push('--store', options.store);
  return words.map(quote).join(' ');
}
