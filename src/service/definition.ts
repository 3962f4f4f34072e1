import type { ImageConfig } from '../oci/image-config.ts';
import type { Service } from '../recipe/model.ts';
import type { ServiceRecipe } from '../recipe/service.ts';
import { parseDuration, parseSize } from '../recipe/units.ts';
import type { ServiceFile } from './model.ts';
import { unnumberedDevices } from './runtime-spec.ts';

/** What `restart`, `ready`, `logs` and `timeout` are where a recipe does not say. */
const BACKOFF = '1s';
const LONGEST_BACKOFF = '1m';
const READY_WITHIN = '1m';
const LOG_SIZE = '256K';
const LOGS_KEPT = 2;
const STOP_WITHIN = '10s';

/** The name of a layer's folder in the image. */
export function layerFolder(diffId: string): string {
  return diffId.replace('sha256:', '').slice(0, 16);
}

/** What the supervisor on the target is told of a service. `diffIds`: its layers, the base first. */
export function serviceFile(
  { name, stage, recipe }: Pick<Service, 'name' | 'stage' | 'recipe'>,
  image: Pick<ImageConfig, 'stopSignal'>,
  diffIds: readonly string[],
): ServiceFile {
  const { readonly = false, persist = false, runtime = {}, timeout } = recipe;
  const stays = stage === 'services';
  const logs = logsOf(recipe);
  const ready = readyOf(recipe);
  return {
    name,
    stage,
    layers: diffIds.map(layerFolder),
    readonly,
    persist,
    runtime: recipe.ociRuntime ?? 'runc',
    devices: unnumberedDevices(recipe),
    stopSignal: image.stopSignal ?? 'SIGTERM',
    after: recipe.after ?? [],
    ...(ready && { ready }),
    restart: restartOf(recipe, stays),
    timeout: parseDuration(timeout ?? (stays ? STOP_WITHIN : '0s')),
    onFailure: recipe.onFailure ?? (stage === 'onboot' ? 'stop-boot' : 'ignore'),
    ...(logs && { logs }),
    prepare: prepareOf(runtime),
    namespace: runtime.namespace ?? 'services.pibuild',
  };
}

function readyOf({ ready }: ServiceRecipe): ServiceFile['ready'] {
  if (ready === undefined) return undefined;
  return { ...ready, within: parseDuration(ready.within ?? READY_WITHIN) };
}

function restartOf({ restart }: ServiceRecipe, stays: boolean): ServiceFile['restart'] {
  const given = typeof restart === 'string' ? { policy: restart } : restart;
  return {
    policy: given?.policy ?? (stays ? 'on-failure' : 'never'),
    backoff: parseDuration(given?.backoff ?? BACKOFF),
    max: parseDuration(given?.max ?? LONGEST_BACKOFF),
    tries: given?.tries ?? 0,
  };
}

function logsOf({ logs }: ServiceRecipe): ServiceFile['logs'] {
  if (logs === false) return undefined;
  return { size: parseSize(logs?.size ?? LOG_SIZE), keep: logs?.keep ?? LOGS_KEPT };
}

function prepareOf({
  cgroups,
  mkdir,
  mounts,
  interfaces,
  bindNS,
}: NonNullable<ServiceRecipe['runtime']>): ServiceFile['prepare'] {
  const given = (mounts ?? []).map(({ type, source, destination = '', options = [] }) => ({
    type: type ?? source ?? 'tmpfs',
    source: source ?? type ?? 'tmpfs',
    destination,
    options,
  }));
  const kept = Object.entries(bindNS ?? {}).flatMap(([kind, place]) => (place === undefined ? [] : [[kind, place]]));
  return {
    cgroups: cgroups ?? [],
    mkdir: mkdir ?? [],
    mounts: given,
    interfaces: interfaces ?? [],
    bindNS: Object.fromEntries(kept),
  };
}
