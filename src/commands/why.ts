import { Builder } from '../build/builder.ts';
import { type Explanation, explain } from '../build/explain.ts';
import { unwrap } from '../diagnostic.ts';
import { findTask, inOrder } from '../graph/graph.ts';
import { planBoard } from '../plan.ts';
import { reasonLines } from '../report/lines.ts';
import type { Context } from './context.ts';
import { buildOptions, openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** Says for every task of a board, or for one and what it needs, whether `make` would run it and why. Runs nothing. */
export async function run(context: Context, call: Call): Promise<number> {
  const [board = '', name] = call.arguments;
  const project = openProject(context);
  const { graph } = planBoard(project, board);
  const targets = name === undefined ? graph.targets : [unwrap(findTask(graph, name)).id];
  const options = buildOptions(context, project, board, () => {});
  const builder = new Builder(graph, { ...options, dry: true });
  const explanations = await explain(inOrder(graph, targets), builder, options);
  const { stdout } = context;
  if (context.options.json) {
    for (const explanation of explanations) stdout.write(`${JSON.stringify(explanation)}\n`);
    return exitCodes.ok;
  }
  const busy = explanations.filter(({ state }) => state !== 'stored');
  for (const explanation of busy) stdout.write(`${lines(explanation).join('\n')}\n`);
  const stored = explanations.length - busy.length;
  stdout.write(busy.length === 0 ? `all ${stored} tasks are up to date\n` : `${stored} more are up to date\n`);
  return exitCodes.ok;
}

function lines({ task, state, reasons, after }: Explanation): string[] {
  if (state === 'waits') return [`${task} may run: that is known after ${after.join(', ')}`];
  return [`${task} runs`, ...reasonLines(reasons).map((line) => `  ${line}`)];
}
