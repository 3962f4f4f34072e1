import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../diagnostic.ts';
import type { Json, Task, TaskId } from '../graph/task.ts';
import { fileSource, tarMembers } from '../image/tar-reader.ts';
import { treePath } from '../image/tree-path.ts';
import { type LaidOut, readLayout } from '../oci/layout.ts';
import { boardPlatform } from '../oci/platform.ts';
import type { Service } from '../recipe/model.ts';
import { rootKeys, type ServiceRecipe } from '../recipe/service.ts';
import { serviceFile } from '../service/definition.ts';
import type { ServiceRoot } from '../service/model.ts';
import { runtimeSpec, specText } from '../service/runtime-spec.ts';
import { imageUser } from '../service/user.ts';
import type { TaskKind, Workspace } from './kind.ts';

export interface BundleParams {
  readonly name: string;
  readonly stage: Service['stage'];
  /** Without what says where its files come from. */
  readonly recipe: ServiceRecipe;
}

/**
 * Makes of an image, the input `image`, and a recipe the artifacts `config` (config.json, without seccomp) and `service`
 * (service.json). Done by Node.
 */
export const serviceBundleKind: TaskKind<BundleParams> = {
  kind: 'service-bundle',
  revision: 1,
  run: makeBundle,
};

export function bundleTask(board: string, { name, stage, recipe }: Service, { layout }: ServiceRoot): Task {
  const own = Object.fromEntries(Object.entries(recipe).filter(([key]) => !(key in rootKeys)));
  return {
    id: `${board}:service-${name}` as TaskId,
    kind: serviceBundleKind.kind,
    title: `configure service ${name}`,
    params: { name, stage, recipe: own as Json },
    inputs: { image: layout },
    outputs: { config: 'file', service: 'file' },
  };
}

/** The image in a layout that services take. */
export function imageIn(folder: string, what: string): LaidOut {
  const read = (path: string) => (existsSync(join(folder, path)) ? readFileSync(join(folder, path)) : undefined);
  return readLayout(read, { what, platform: boardPlatform });
}

async function makeBundle(workspace: Workspace, { name, stage, recipe }: BundleParams): Promise<void> {
  const folder = workspace.input('image');
  const { config: image, layers } = imageIn(folder, name);
  const accounts = (path: string) =>
    textIn(
      layers.map((layer) => join(folder, layer.path)),
      path,
    );
  const user = imageUser(image.user, accounts('etc/passwd'), accounts('etc/group'));
  if (typeof user === 'string')
    throw fault('service/no-user', `service '${name}': ${user}`, 'give the service uid and gid');
  const spec = runtimeSpec({ name, recipe, image, user });
  if ((spec.process as { args: readonly string[] }).args.length === 0) {
    throw fault(
      'service/no-command',
      `service '${name}' has nothing to run: its image has no command`,
      'give it `command`',
    );
  }
  const service = serviceFile(
    { name, stage, recipe },
    image,
    layers.map(({ diffId }) => diffId),
  );
  writeFileSync(workspace.output('config'), specText(spec));
  writeFileSync(workspace.output('service'), `${JSON.stringify(service, null, 2)}\n`);
}

/** A file of an image: the topmost layer that has it counts. Empty: none has. */
function textIn(layers: readonly string[], path: string): string {
  for (const layer of [...layers].reverse()) {
    const source = fileSource(layer);
    try {
      for (const member of tarMembers(source)) {
        if (member.type !== 'file' || treePath(member.path) !== path) continue;
        const bytes = Buffer.alloc(member.size);
        source.read(bytes, member.offset);
        return bytes.toString();
      }
    } finally {
      source.close();
    }
  }
  return '';
}

function fault(code: string, message: string, hint: string): Failure {
  return new Failure({ severity: 'error', code, message, hint });
}
