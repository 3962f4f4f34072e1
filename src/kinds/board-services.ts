import { fail } from '../diagnostic.ts';
import type { Input, Task, TaskId } from '../graph/task.ts';
import type { Board, BoardFile, Service } from '../recipe/model.ts';
import { CONTAINERD } from '../recipe/services.ts';
import type { ServiceRoot } from '../service/model.ts';
import { artifact, commandTask } from './command.ts';
import type { ImageLayer } from './image.ts';
import type { ArtifactRef, PlanContext } from './kind.ts';
import { type LayerEntry, layerTask } from './layer.ts';
import { script } from './script.ts';
import { bundleTask } from './service-bundle.ts';
import { serviceLayerKind } from './service-layer.ts';
import { planRoot } from './service-root.ts';

/** The tree with qemu-user: the supervisor runs at build time too. */
const USERLAND_TOOLS = 'tools/userland';

export interface BoardServices {
  readonly tasks: readonly Task[];
  readonly layers: readonly ImageLayer[];
  /** In the order of the recipe. */
  readonly services: readonly ServicePlan[];
}

/** The tasks that put the services of a board into its root; none when it has none. Throws a `Failure`. */
export function planServices(board: Board, context: PlanContext): BoardServices {
  if (board.services.length === 0) return { tasks: [], layers: [], services: [] };
  const parts = board.services.map((service) => planService(board.name, service, context));
  const inputs = parts.flatMap(({ name, root, config, service }): [string, Input][] => [
    [`images/${name}`, root.layout],
    [`config/${name}`, config],
    [`service/${name}`, service],
  ]);
  const layer: Task = {
    id: `${board.name}:services` as TaskId,
    kind: serviceLayerKind.kind,
    title: 'put the services into a layer',
    params: { services: parts.map(({ name }) => name) },
    inputs: Object.fromEntries(inputs),
    outputs: { layer: 'file' },
    pool: 'disk',
  };
  return {
    tasks: [...parts.flatMap(({ tasks }) => tasks), layer],
    layers: [{ name: 'services', ref: artifact(layer.id, 'layer'), permissions: [], recipe: `board '${board.name}'` }],
    services: parts,
  };
}

/** The task and layer of a board's `files`; a file takes the place of what packages bring. */
export function planFiles(board: Board): Pick<BoardServices, 'tasks' | 'layers'> {
  if (board.files.length === 0) return { tasks: [], layers: [] };
  const files = board.files.map((file, index) => ({ file, input: `file${index}` }));
  const inputs = files.flatMap(({ file, input }): [string, Input][] => {
    if (file.directory || file.symlink !== undefined) return [];
    return [[input, inputOf(file)]];
  });
  const entries = files.map(({ file, input }) => entryOf(file, input));
  const task = layerTask(
    `${board.name}:files`,
    `write the files of ${board.name}`,
    entries,
    Object.fromEntries(inputs),
  );
  const recipe = `board '${board.name}'`;
  return {
    tasks: [task],
    layers: [{ name: 'files', ref: artifact(task.id, 'layer'), permissions: [], replace: ['**'], recipe }],
  };
}

function inputOf({ file, contents = '', at }: BoardFile): Input {
  return file === undefined
    ? { from: 'text', text: contents }
    : { from: 'project', path: file, origin: `${at.file}:${at.line}` };
}

function entryOf({ path, directory, symlink, mode, uid = 0, gid = 0 }: BoardFile, input: string): LayerEntry {
  const common = { path: path.replace(/^\/+/, ''), uid, gid };
  if (symlink !== undefined) return { ...common, type: 'symlink', target: symlink };
  if (directory) return { ...common, type: 'folder', mode: mode ?? '0755' };
  return { ...common, type: 'file', mode: mode ?? '0644', input };
}

/** What a service becomes before it lies in the image. */
export interface ServicePlan {
  readonly name: string;
  readonly tasks: readonly Task[];
  readonly root: ServiceRoot;
  /** config.json, complete but for numbers of devices. */
  readonly config: ArtifactRef;
  /** service.json. */
  readonly service: ArtifactRef;
}

/** The tasks of one service of a board: its root, its bundle, its seccomp profile. Throws a `Failure`. */
export function planService(board: string, service: Service, context: PlanContext): ServicePlan {
  const { tasks: rootTasks, root } = rootOf(board, service, context);
  const bundle = bundleTask(board, service, root);
  const seccomp = service.recipe.seccomp === 'unconfined' ? [] : [seccompTask(bundle, service.name, context)];
  return {
    name: service.name,
    tasks: [...rootTasks, bundle, ...seccomp],
    root,
    config: artifact((seccomp[0] ?? bundle).id, 'config'),
    service: artifact(bundle.id, 'service'),
  };
}

function rootOf(board: string, service: Service, context: PlanContext): { tasks: readonly Task[]; root: ServiceRoot } {
  const { name, package: pack, recipe, at, find } = service;
  if (pack === undefined) return planRoot({ id: `${board}/${name}`, recipe, at, find }, context);
  const { service: root } = context.package(pack.name, pack);
  if (root === undefined) throw fail('service/no-service', `package '${pack.name}' is no service`);
  return { tasks: [], root };
}

/** containerd's default profile, by its own code, which the supervisor has: run by qemu-user, it is the target's. */
function seccompTask(bundle: Task, name: string, context: PlanContext): Task {
  const { tools } = context.package(USERLAND_TOOLS);
  const { layer } = context.package(CONTAINERD);
  if (tools === undefined || layer === undefined) throw fail('plan/no-tools', `'${USERLAND_TOOLS}' is no tools tree`);
  return commandTask({
    id: `${bundle.id}-seccomp`,
    title: `give service ${name} its seccomp profile`,
    tools,
    inputs: { config: artifact(bundle.id, 'config'), supervisor: layer },
    outputs: { config: 'file' },
    script: script`
tar -xf in/supervisor ./usr/bin/containerd
qemu-aarch64-static -0 pibuild-service usr/bin/containerd seccomp < in/config > out/config
`,
  });
}
