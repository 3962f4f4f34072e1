import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Builder } from '../build/builder.ts';
import { start } from '../build/command.ts';
import { baseEnvironment, type Sandbox, sandboxed } from '../build/sandbox.ts';
import { didYouMean, Failure, fail, unwrap } from '../diagnostic.ts';
import { createGraph } from '../graph/graph.ts';
import { artifact } from '../kinds/command.ts';
import { runScript } from '../kinds/run-service.ts';
import { bundleTask, imageIn } from '../kinds/service-bundle.ts';
import { workFolder } from '../paths.ts';
import { planPackages } from '../plan.ts';
import type { Package, Project, Service } from '../recipe/model.ts';
import { type ServiceRecipe, serviceKeys } from '../recipe/service.ts';
import { SERVICE_KIND } from '../recipe/services.ts';
import type { Context } from './context.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** The trees that have the sandbox, and qemu-user with what makes namespaces. */
const TREES = ['tools/bootstrap', 'tools/oci'] as const;

/** What a service has on a board that it does not have here. */
const ELSEWHERE = ['binds', 'devices', 'capabilities', 'uid', 'gid', 'net', 'resources', 'runtime'] as const;

/**
 * Runs a service without a board: its root and its process by qemu-user, in the sandbox. What it prints is printed; Ctrl-C asks
 * it to end. The exit code is the service's.
 */
export async function run(context: Context, call: Call): Promise<number> {
  const [action = '', name = '', ...command] = call.arguments;
  if (action !== 'run')
    throw fail('cli/arguments', `pibuild cannot '${action}' a service`, didYouMean(action, ['run']));
  const project = openProject(context);
  const service = serviceOf(project, name);
  const folder = 'service';
  const reporter = openReporter(context, folder);
  const { graph, provides } = planPackages(project, [name, ...TREES]);
  const root = provides.get(name)?.service;
  if (root === undefined) throw new Error(`package '${name}' planned no root`);
  const bundle = bundleTask(folder, service, root);
  const trees = TREES.map((tree) => provides.get(tree)?.tools ?? artifact(`${tree}:unpack`, 'tree'));
  const options = buildOptions(context, project, folder, reporter.emit);
  const all = unwrap(createGraph([...graph.tasks.values(), bundle], [], graph.sandbox));
  const builder = new Builder(all, options);
  const scratch = options.store.temporary('service');
  try {
    const built = await builder.build([bundle.id, root.layout.task, ...trees.map(({ task }) => task)]);
    if (!built.ok) return exitCodes.failed;
    const [bubblewrap = '', tools = ''] = await Promise.all(trees.map((tree) => builder.path(tree)));
    const layout = await builder.path(root.layout);
    const config = await builder.path(artifact(bundle.id, 'config'));
    reporter.close();
    tellElsewhere(context, service.recipe);
    mkdirSync(scratch, { recursive: true });
    const layers = imageIn(layout, name).layers.map(({ path }) => path);
    writeFileSync(join(scratch, 'run.sh'), runScript(config, layers, command));
    return await runIn(context, sandboxOf(bubblewrap, tools, scratch, layout));
  } finally {
    reporter.close();
    await builder.close();
    await options.store.discard(scratch);
  }
}

function serviceOf(project: Project, name: string): Service {
  const pack = project.package(name);
  if (pack.kind !== SERVICE_KIND) {
    const message = `package '${name}' is of kind ${pack.kind}, not a service`;
    throw new Failure({ severity: 'error', code: 'service/no-service', message, at: pack.at('kind') });
  }
  const own = Object.entries(pack.recipe as object).filter(([key]) => key in serviceKeys);
  const recipe = Object.fromEntries(own) as ServiceRecipe;
  return { name, stage: 'services', package: pack as Package, recipe, at: pack.at, find: () => undefined };
}

function tellElsewhere({ stderr, options }: Context, recipe: ServiceRecipe): void {
  const there = ELSEWHERE.filter((key) => key in recipe);
  if (there.length === 0 || options.quiet || options.json) return;
  stderr.write(`On a board it has besides: ${there.join(', ')}. Here it is root in a namespace of its own.\n`);
}

function sandboxOf(bubblewrap: string, root: string, scratch: string, layout: string): Sandbox {
  const binds = [
    { source: scratch, target: workFolder, writable: true },
    { source: layout, target: '/run/image' },
  ];
  return { bubblewrap, root, binds, environment: baseEnvironment, folder: workFolder, network: false };
}

async function runIn(context: Context, sandbox: Sandbox): Promise<number> {
  const controller = new AbortController();
  const running = await start({
    argv: sandboxed(sandbox, ['/usr/bin/unshare', '--user', '--map-root-user', '--mount', '/usr/bin/bash', 'run.sh']),
    signal: controller.signal,
    channels: 1,
    onLine: (line) => context.stdout.write(`${line}\n`),
  });
  const [channel] = running.channels;
  channel?.on('error', () => undefined);
  const stop = (): void => void channel?.end();
  context.signal.addEventListener('abort', stop, { once: true });
  if (context.signal.aborted) stop();
  const { code } = await running.ended;
  context.signal.removeEventListener('abort', stop);
  context.signal.throwIfAborted();
  return code;
}
