import { ociArchive } from '../image/oci.ts';
import { bufferSource, tarMembers } from '../image/tar-reader.ts';
import { moduleKey, readModule } from '../module/module-info.ts';
import type { BuiltModules } from './build-module.ts';

export interface ModuleImage {
  readonly bytes: Buffer;
  readonly reference: string;
  /** The modules that it loads, in order. */
  readonly loads: readonly string[];
  /** What those need and the image does not hold: the host has to have it loaded. */
  readonly needs: readonly string[];
}

/** LinuxKit's own label: what a container of this image gets when the machine's YAML says nothing (docs/yaml.md). */
const LINUXKIT = 'org.mobyproject.config';

/**
 * An OCI image that does one thing: load the modules, with what they need of the kernel's own, where that kernel is ours.
 * Parameters of the last module are the words after the image's name.
 */
export function moduleImage(built: BuiltModules, epoch: number): ModuleImage {
  const own = new Map(built.modules.map(({ name, bytes }) => [moduleKey(name), { name, bytes }]));
  const kernel = built.kernelModules ? kernelModules(built.kernelModules) : new Map<string, Loadable>();
  const below = new Map([...(built.below ?? [])].map(([name, bytes]) => [moduleKey(name), { name, bytes }]));
  const order: Loadable[] = [];
  const needs = new Set<string>();
  const visit = (name: string): void => {
    const module = own.get(name) ?? below.get(name) ?? kernel.get(name);
    if (module === undefined) return void needs.add(name);
    if (order.includes(module)) return;
    for (const below of readModule(module.bytes)?.depends ?? []) visit(moduleKey(below));
    order.push(module);
  };
  for (const name of own.keys()) visit(name);
  const [first] = built.modules;
  if (first === undefined) throw new Error('a package without modules');
  const release = first.vermagic.split(' ')[0] ?? '';
  const reference = `${built.name}:${release.replace(/[^A-Za-z0-9_.-]/g, '-')}`;
  const bytes = ociArchive({
    reference,
    architecture: readModule(first.bytes)?.machine ?? '',
    files: [
      { path: 'load', bytes: built.loader ?? Buffer.alloc(0), executable: true },
      ...order.map((module) => ({ path: `modules/${module.name}.ko`, bytes: module.bytes })),
    ],
    entrypoint: ['/load', ...order.map(({ name }) => `/modules/${name}.ko`), '--'],
    labels: {
      'org.opencontainers.image.title': built.name,
      'org.opencontainers.image.description': `Loads ${built.modules.map(({ name }) => name).join(', ')} into Linux ${release}`,
      'org.opencontainers.image.licenses': built.license,
      [LINUXKIT]: JSON.stringify({ capabilities: ['CAP_SYS_MODULE'] }),
    },
    epoch,
  });
  return { bytes, reference, loads: order.map(({ name }) => name), needs: [...needs] };
}

interface Loadable {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The kernel's own modules, by key, out of the tar of them. */
function kernelModules(tar: Buffer): Map<string, Loadable> {
  const modules = new Map<string, Loadable>();
  for (const { path, offset, size } of tarMembers(bufferSource(tar))) {
    const name = /([^/]+)\.ko$/.exec(path)?.[1];
    if (name !== undefined) modules.set(moduleKey(name), { name, bytes: tar.subarray(offset, offset + size) });
  }
  return modules;
}
