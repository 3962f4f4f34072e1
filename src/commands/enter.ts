import { Builder } from '../build/builder.ts';
import { attach } from '../build/command.ts';
import { sandboxed } from '../build/sandbox.ts';
import { didYouMean, fail, unwrap } from '../diagnostic.ts';
import { createGraph } from '../graph/graph.ts';
import { enterTask, LENT_FOLDER } from '../kinds/enter-userland.ts';
import type { ArtifactRef } from '../kinds/kind.ts';
import { FAKEROOT, USERLAND_TOOLS } from '../kinds/userland.ts';
import { type BoardPlan, planBoard } from '../plan.ts';
import type { Project } from '../recipe/model.ts';
import { networkFiles, proxies } from './apt-in-sandbox.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import type { Call } from './verb.ts';

/**
 * Opens a board's userland on this machine, under qemu-user: what a program in it would see on the board but for devices.
 * The folder that the command was given in is `/project`; all else that is written is gone afterwards.
 */
export async function run(context: Context, call: Call): Promise<number> {
  const [board = '', name = '', ...command] = call.arguments;
  const project = openProject(context);
  checkUserland(project, board, name);
  const plan = planBoard(project, board, [name]);
  const [root, tools, fakeroot] = parts(plan, name);
  const task = enterTask({ name, root, tools, fakeroot, command });
  const graph = unwrap(createGraph([...plan.graph.tasks.values(), task], plan.graph.targets, plan.graph.sandbox));
  const reporter = openReporter(context, board);
  const options = buildOptions(context, project, board, reporter.emit);
  const builder = new Builder(graph, options);
  const folder = options.store.temporary(`enter-${name.replaceAll('/', '+')}`);
  try {
    const { sandbox } = await builder.stage(task.id, folder);
    reporter.close();
    const environment = {
      ...sandbox.environment,
      ...proxies(context.env),
      NAME: name,
      TERM: context.env.TERM ?? 'dumb',
    };
    const binds = [
      ...sandbox.binds,
      ...networkFiles(),
      { source: context.folder, target: LENT_FOLDER, writable: true },
    ];
    const entered = { ...sandbox, environment, binds, network: true, interactive: true };
    return await attach(sandboxed(entered, ['/usr/bin/bash', '-euo', 'pipefail', 'task.sh']));
  } finally {
    reporter.close();
    await builder.close();
    await options.store.discard(folder);
  }
}

function checkUserland(project: Project, board: string, name: string): void {
  const named = project.board(board).packages.map(({ value }) => value);
  const userlands = named.filter((each) => project.package(each).kind === 'userland');
  if (name === '') {
    throw fail(
      'enter/no-userland',
      'which userland?',
      userlands.length > 0 ? `pibuild enter ${board} ${userlands[0]}` : 'the board has none',
    );
  }
  if (project.package(name).kind === 'userland') return;
  const hint =
    didYouMean(name, userlands) ?? (userlands.length > 0 ? `the board has ${userlands.join(', ')}` : undefined);
  throw fail('enter/no-userland', `package '${name}' is no userland`, hint);
}

function parts({ provides }: BoardPlan, name: string): [root: ArtifactRef, tools: ArtifactRef, fakeroot: ArtifactRef] {
  const found = [provides.get(name)?.userland, provides.get(USERLAND_TOOLS)?.tools, provides.get(FAKEROOT)?.layer];
  const [root, tools, fakeroot] = found;
  if (!root || !tools || !fakeroot) throw fail('enter/no-userland', `package '${name}' makes no userland`);
  return [root, tools, fakeroot];
}
