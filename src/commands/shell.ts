import { existsSync } from 'node:fs';
import { Builder } from '../build/builder.ts';
import { attach } from '../build/command.ts';
import { again } from '../build/execute.ts';
import { sandboxed } from '../build/sandbox.ts';
import { fail, unwrap } from '../diagnostic.ts';
import { findTask } from '../graph/graph.ts';
import { quote } from '../kinds/script.ts';
import { planBoard } from '../plan.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import type { Call } from './verb.ts';

/**
 * Opens a shell where a task runs: its tools, inputs, environment and script. What the task needs is built first. After
 * a failure the shell stands in the half-done work, unless the task came to a result since; else the folder is new, and
 * gone afterwards.
 */
export async function run(context: Context, call: Call): Promise<number> {
  const [board = '', name = '', ...command] = call.arguments;
  const project = openProject(context);
  const { graph } = planBoard(project, board);
  const task = unwrap(findTask(graph, name));
  if (!task.tools) throw fail('shell/no-sandbox', `${task.id} is done by pibuild itself, not in a sandbox`);
  const reporter = openReporter(context, board);
  const options = buildOptions(context, project, board, reporter.emit);
  const builder = new Builder(graph, options);
  const failed = options.failed(task.id);
  const isOver = existsSync(failed) && (await builder.identify(task.id))?.stored;
  if (isOver) await options.store.discard(failed);
  const standsInFailure = existsSync(failed);
  const folder = standsInFailure ? failed : options.store.temporary(`shell-${task.id}`);
  try {
    const { sandbox } = await builder.stage(task.id, folder);
    reporter.close();
    const where = standsInFailure ? ', with the work that failed' : '';
    context.stderr.write(`In the sandbox of ${task.id}${where}. 'again' does from the start what the task does.\n`);
    const shell = command.length > 0 ? ['-c', command.join(' ')] : ['--norc', '-i'];
    const environment = {
      ...sandbox.environment,
      PS1: `${task.id} \\w\\$ `,
      TERM: context.env.TERM ?? 'dumb',
      // bash takes a function from its environment under this name.
      'BASH_FUNC_again%%': `() { ${again(task).map(quote).join(' ')}; }`,
    };
    return await attach(sandboxed({ ...sandbox, environment, interactive: true }, ['/usr/bin/bash', ...shell]));
  } finally {
    reporter.close();
    await builder.close();
    if (!standsInFailure) await options.store.discard(folder);
  }
}
