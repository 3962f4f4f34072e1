import type { ImageConfig } from '../oci/image-config.ts';
import { CAPABILITIES, type ServiceRecipe } from '../recipe/service.ts';
import { parseSize } from '../recipe/units.ts';

/** What of a service decides about its config.json. */
export interface RuntimeFacts {
  readonly name: string;
  readonly recipe: ServiceRecipe;
  readonly image: ImageConfig;
  /** Who it runs as, where the recipe does not say: the image's user, looked up in the image's own /etc/passwd. */
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] };
}

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/**
 * The config.json of a service (OCI Runtime Specification 1.2), but for the seccomp profile and the numbers of devices. What
 * the recipe does not say is the image's; what neither says is as LinuxKit has it: namespaces of its own for processes,
 * mounts and cgroups, the host's for the rest; no capabilities.
 */
export function runtimeSpec({ name, recipe, image, user }: RuntimeFacts): Record<string, unknown> {
  const { hostname, annotations, readonly = false } = recipe;
  return {
    ociVersion: '1.2.0',
    process: processOf(recipe, image, user),
    root: { path: 'rootfs', readonly },
    ...(hostname !== undefined && { hostname }),
    mounts: mountsOf(recipe),
    ...(annotations && { annotations }),
    linux: linuxOf(name, recipe),
  };
}

/** The spec as the text of config.json. RLIM_INFINITY is all ones: a number that JavaScript cannot hold. */
export function specText(spec: Record<string, unknown>): string {
  const text = JSON.stringify(spec, null, 2).replace(
    /("(?:soft|hard)": )"unlimited"/g,
    (_, key) => `${key}18446744073709551615`,
  );
  return `${text}\n`;
}

/** Whether a service has its own user ids. */
export function hasUserNamespace({ userns }: ServiceRecipe): boolean {
  return isOwn(userns ?? 'host');
}

function processOf(recipe: ServiceRecipe, image: ImageConfig, user: RuntimeFacts['user']): Record<string, unknown> {
  const { command, env, cwd, uid = user.uid, gid = user.gid, additionalGids = user.additionalGids } = recipe;
  const limits = recipe.rlimits?.map(rlimit);
  return {
    terminal: false,
    user: { uid, gid, ...(additionalGids.length > 0 && { additionalGids }) },
    args: command ?? [...image.entrypoint, ...image.cmd],
    env: env ?? image.env,
    cwd: cwd ?? image.workingDir ?? '/',
    capabilities: capabilitiesOf(recipe),
    ...(limits && { rlimits: limits }),
    noNewPrivileges: recipe.noNewPrivileges ?? true,
    ...(recipe.oomScoreAdj !== undefined && { oomScoreAdj: recipe.oomScoreAdj }),
  };
}

/** LinuxKit gives a container its capabilities in every set but the ambient one. */
function capabilitiesOf({ capabilities, ambient }: ServiceRecipe): Record<string, readonly string[]> {
  const own = expand(capabilities);
  const kept = expand(ambient);
  const bounding = [...new Set([...own, ...kept])].sort();
  return { bounding, effective: own, inheritable: bounding, permitted: bounding, ambient: kept };
}

function expand(names: readonly string[] = []): readonly string[] {
  if (names.includes('all')) return CAPABILITIES;
  return names.filter((name) => name !== 'none');
}

/** `nofile,1024,4096` */
function rlimit(text: string): { type: string; soft: number | 'unlimited'; hard: number | 'unlimited' } {
  const [name = '', soft = '', hard = ''] = text.split(',').map((part) => part.trim());
  const type = name.toUpperCase().replace(/^(?!RLIMIT_)/, 'RLIMIT_');
  return { type, soft: limitOf(soft), hard: limitOf(hard) };
}

function limitOf(text: string): number | 'unlimited' {
  return text.toLowerCase() === 'unlimited' ? 'unlimited' : Number(text);
}

/** In the order of their places, so that what lies below another comes after it. */
function mountsOf(recipe: ServiceRecipe): Mount[] {
  const mounts = new Map(usualMounts(recipe).map((mount) => [mount.destination, mount]));
  for (const mount of [...tmpfsOf(recipe), ...bindsOf(recipe), ...ownMounts(recipe)])
    mounts.set(mount.destination, mount);
  return [...mounts.values()].sort((a, b) => (a.destination < b.destination ? -1 : 1));
}

function usualMounts(recipe: ServiceRecipe): Mount[] {
  const ro = recipe.readonly ? ['ro'] : [];
  const proc: Mount = {
    destination: '/proc',
    type: 'proc',
    source: 'proc',
    options: ['nosuid', 'nodev', 'noexec', 'relatime'],
  };
  const dev: Mount = {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k', ...ro],
  };
  const pts: Mount = {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
  };
  const cgroup: Mount = {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  };
  // Who has its own users but the host's network may not mount a sysfs (sysfs(5) belongs to the network): it is bound.
  const bound = hasUserNamespace(recipe) && !isOwn(recipe.net ?? 'host');
  const sys: Mount = bound
    ? { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] }
    : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', ...ro] };
  return [proc, dev, pts, sys, ...(bound ? [] : [cgroup])];
}

function tmpfsOf({ tmpfs = [] }: ServiceRecipe): Mount[] {
  return tmpfs.map((text) => {
    const [destination = '', options] = text.split(':');
    return { destination, type: 'tmpfs', source: 'tmpfs', options: options?.split(',') ?? [] };
  });
}

function bindsOf({ binds = [] }: ServiceRecipe): Mount[] {
  return binds.map((text) => {
    const [source = '', destination = '', options] = text.split(':');
    const all = options === undefined ? ['rw', 'rbind', 'rshared'] : [...options.split(','), 'rbind'];
    return { destination, type: 'bind', source, options: all };
  });
}

/** Where types are mounted that no recipe says the place of. */
const PLACES: Readonly<Record<string, string>> = {
  cgroup: '/sys/fs/cgroup',
  devpts: '/dev/pts',
  mqueue: '/dev/mqueue',
  proc: '/proc',
  sysfs: '/sys',
};

function ownMounts({ mounts = [] }: ServiceRecipe): Mount[] {
  return mounts.map(({ type, source, destination, options = [] }) => {
    const kind = type ?? (source !== undefined && source in PLACES ? source : 'tmpfs');
    return { destination: destination ?? PLACES[kind] ?? '/', type: kind, source: source ?? kind, options };
  });
}

function linuxOf(name: string, recipe: ServiceRecipe): Record<string, unknown> {
  const { uidMappings, gidMappings, sysctl, rootfsPropagation, maskedPaths, readonlyPaths } = recipe;
  const devices = (recipe.devices ?? []).map(deviceOf).filter(({ path }) => path !== 'all');
  return {
    namespaces: namespacesOf(recipe),
    ...(hasUserNamespace(recipe) && {
      uidMappings: uidMappings ?? usualMapping,
      gidMappings: gidMappings ?? usualMapping,
    }),
    devices,
    cgroupsPath: recipe.cgroupsPath ?? `/services/${name}`,
    resources: resourcesOf(recipe),
    ...(sysctl && { sysctl }),
    ...(rootfsPropagation && { rootfsPropagation }),
    ...(maskedPaths && { maskedPaths }),
    ...(readonlyPaths && { readonlyPaths }),
  };
}

/** The container's 65536 ids are ones outside that nobody else has. */
const usualMapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

function isOwn(namespace: string): boolean {
  return namespace !== 'host' && namespace !== 'root';
}

function namespacesOf({
  net = 'host',
  ipc = 'host',
  uts = 'host',
  pid = 'new',
  userns = 'host',
}: ServiceRecipe): { type: string; path?: string }[] {
  const asked = { network: net, ipc, uts, pid, user: userns };
  const own = Object.entries(asked).flatMap(([type, wanted]) => {
    if (!isOwn(wanted)) return [];
    return [wanted.startsWith('/') ? { type, path: wanted } : { type }];
  });
  return [...own, { type: 'mount' }, { type: 'cgroup' }];
}

type Device = NonNullable<ServiceRecipe['devices']>[number];

function deviceOf(device: Device): Record<string, unknown> & { path: string } {
  if (typeof device === 'string') return { path: device, type: 'c' };
  const { path, type, major, minor, mode } = device;
  return {
    path,
    type,
    ...(major !== undefined && { major }),
    ...(minor !== undefined && { minor }),
    ...(mode !== undefined && { fileMode: Number.parseInt(mode, 8) }),
  };
}

/** Devices whose numbers are found out on the board. */
export function unnumberedDevices({ devices = [] }: ServiceRecipe): string[] {
  return devices.flatMap((device) => {
    if (typeof device === 'string') return [device];
    return device.path !== 'all' && device.major === undefined ? [device.path] : [];
  });
}

/** Nothing but what is given: cgroup version 2 begins with no devices once there is a rule that denies all. */
function resourcesOf({ resources, devices = [] }: ServiceRecipe): Record<string, unknown> {
  const { memory, cpu, pids, blockIO, unified } = resources ?? {};
  const allowed = devices.flatMap((device) => {
    if (typeof device === 'string' || (device.path !== 'all' && device.major === undefined)) return [];
    const { path, type, major, minor } = device;
    if (path === 'all') return [{ allow: true, type, access: 'rwm' }];
    return [{ allow: true, type: type === 'u' ? 'c' : type, major, minor, access: 'rwm' }];
  });
  const bytes = (value: string | number) => (value === -1 ? value : parseSize(value));
  const memoryBytes = Object.entries(memory ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, bytes(value)]],
  );
  return {
    devices: [{ allow: false, access: 'rwm' }, ...allowed],
    ...(memory && { memory: Object.fromEntries(memoryBytes) }),
    ...(cpu && { cpu }),
    ...(pids && { pids }),
    ...(blockIO && { blockIO }),
    ...(unified && { unified }),
  };
}
