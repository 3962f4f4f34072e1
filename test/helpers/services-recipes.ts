import { parse } from 'yaml';
import { z } from 'zod';
import type { ImageConfig } from '../../src/oci/image-config.ts';
import { boardPlatform } from '../../src/oci/platform.ts';
import { type ServiceRecipe, serviceKeys } from '../../src/recipe/service.ts';
import { runtimeSpec, specText } from '../../src/service/runtime-spec.ts';

/** An image as one made of a Dockerfile is. */
export const someImage: ImageConfig = {
  platform: boardPlatform,
  diffIds: [],
  env: ['PATH=/usr/bin', 'LANG=C'],
  entrypoint: ['/init'],
  cmd: ['--quiet'],
  workingDir: '/srv',
  labels: {},
};

/** The config.json of a service whose recipe is this YAML. */
export function specOf(recipe: string, image: ImageConfig = someImage): string {
  const keys: ServiceRecipe = z.strictObject(serviceKeys).parse(parse(recipe) ?? {});
  const user = { uid: 0, gid: 0, additionalGids: [] };
  return specText(runtimeSpec({ name: 'it', recipe: keys, image, user }));
}

/** Recipes that together use every key that decides about config.json. */
export const recipes: Readonly<Record<string, string>> = {
  nothing: '',
  process: `
command: [/bin/sh, -c, "exec it"]
env: [A=b]
cwd: /
uid: 1000
gid: 1000
additionalGids: [102, 104]
noNewPrivileges: false
oomScoreAdj: 500
rlimits: ["nofile,1024,4096", "RLIMIT_CORE,0,unlimited"]
capabilities: [CAP_NET_ADMIN, CAP_SYS_MODULE]
ambient: [CAP_NET_BIND_SERVICE]
hostname: it
uts: new
annotations: {org.example.what: it}
`,
  'all-capabilities': 'capabilities: [all]',
  mounts: `
readonly: true
tmpfs: [/tmp, "/run:size=1M,mode=755"]
binds: ["/etc/ssl:/etc/ssl:ro", "/var/it:/var"]
mounts:
  - {type: mqueue}
  - {source: proc, options: [ro]}
  - {type: tmpfs, destination: /dev/shm, options: [nosuid, size=64k]}
rootfsPropagation: shared
maskedPaths: [/proc/kcore]
readonlyPaths: [/proc/sys]
`,
  devices: `
devices:
  - /dev/i2c-1
  - {path: /dev/null, type: c, major: 1, minor: 3, mode: "0666"}
  - {path: all, type: b}
`,
  resources: `
cgroupsPath: /elsewhere
resources:
  memory: {limit: 64M, reservation: 16M, swap: -1}
  cpu: {shares: 512, quota: 50000, period: 100000, cpus: 0-1}
  pids: {limit: 20}
  blockIO: {weight: 100}
  unified: {memory.high: 32M}
sysctl: {net.ipv4.ip_forward: "1"}
net: new
ipc: none
`,
  'user-namespace': `
userns: new
uidMappings: [{containerID: 0, hostID: 100000, size: 65536}]
gidMappings: [{containerID: 0, hostID: 200000, size: 102}, {containerID: 102, hostID: 102, size: 1}]
`,
  'user-namespace-with-network': 'userns: new\nnet: new\npid: host',
  'joined-namespace': 'net: /run/netns/it\npid: /run/pidns/it',
};
