import { z } from 'zod';
import { duration, NAME, size } from './basics.ts';

/**
 * The keys of a service. Those that LinuxKit's YAML has mean what they mean there; order, readiness and restart are what
 * it lacks. Used by boards (`onboot`, `services`, `onshutdown`) and by packages of kind `service`.
 */

export const CAPABILITIES = [
  'AUDIT_CONTROL',
  'AUDIT_READ',
  'AUDIT_WRITE',
  'BLOCK_SUSPEND',
  'BPF',
  'CHECKPOINT_RESTORE',
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'IPC_LOCK',
  'IPC_OWNER',
  'KILL',
  'LEASE',
  'LINUX_IMMUTABLE',
  'MAC_ADMIN',
  'MAC_OVERRIDE',
  'MKNOD',
  'NET_ADMIN',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_RAW',
  'PERFMON',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYSLOG',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_CHROOT',
  'SYS_MODULE',
  'SYS_NICE',
  'SYS_PACCT',
  'SYS_PTRACE',
  'SYS_RAWIO',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'WAKE_ALARM',
].map((name) => `CAP_${name}`);

const text = z.string();
const described = <T extends z.ZodType>(schema: T, description: string) => schema.optional().meta({ description });
const texts = (description: string) => described(z.array(text), description);
const flag = (description: string) => described(z.boolean(), description);
const word = (description: string) => described(text, description);
const id = z.int().min(0);
const absolute = text.regex(/^\//, 'an absolute path');

export const serviceName = text.regex(
  /^[a-z0-9][a-z0-9_-]{0,62}$/,
  "a service's name: lower-case letters, digits, dash and underscore",
);

const capabilities = z.array(z.enum([...CAPABILITIES, 'all', 'none']));

const mount = z.strictObject({
  type: word('Like tmpfs or bind; default: the source, where that is the name of a type'),
  source: word('What is mounted; default: the type'),
  destination: absolute
    .optional()
    .meta({ description: 'Where in the container; default: the usual place of the type' }),
  options: texts('Like ro, nosuid or size=1M'),
});

const bind = text.regex(
  /^\/[^:]*:\/[^:]*(:[^:]+)?$/,
  'SOURCE:DESTINATION or SOURCE:DESTINATION:OPTIONS, like /etc/ssl:/etc/ssl:ro',
);

/** A device of the board by its path, whose numbers are looked up when the service starts, or with all its numbers. */
const device = z.union([
  text.regex(/^\/dev\/./, 'a path below /dev'),
  z.strictObject({
    path: text.meta({ description: 'A path below /dev, or `all` for every device of the type' }),
    type: z
      .enum(['b', 'c', 'u', 'p', 'a'])
      .meta({ description: 'b: block, c: character, p: pipe, a: all (only with path all)' }),
    major: z.int().optional().meta({ description: 'Its number' }),
    minor: z.int().optional().meta({ description: 'Its number' }),
    mode: text
      .regex(/^[0-7]{3,4}$/, 'an octal mode in quotes, like "0660"')
      .optional()
      .meta({ description: 'Like "0660", in quotes' }),
  }),
]);

const mapping = z.strictObject({
  containerID: id.meta({ description: 'The first id in the container' }),
  hostID: id.meta({ description: 'The id outside that it is' }),
  size: id.meta({ description: 'How many' }),
});

const rlimit = text.regex(
  /^(RLIMIT_)?[A-Za-z]+, *([0-9]+|unlimited), *([0-9]+|unlimited)$/i,
  'NAME,SOFT,HARD, like nofile,1024,4096 or core,0,unlimited',
);

/** OCI runtime-spec, config-linux.md, "Control groups", as far as cgroup version 2 has it. */
const resources = z.strictObject({
  memory: z
    .strictObject({
      limit: described(size, 'No more than this'),
      reservation: described(size, 'Below this it is spared'),
      swap: described(z.union([size, z.literal(-1)]), 'Memory and swap together'),
    })
    .optional()
    .meta({ description: 'Memory' }),
  cpu: z
    .strictObject({
      shares: described(z.int().min(2).max(262_144), 'Weight against others (1024 is usual)'),
      quota: described(z.int(), 'Microseconds of each period'),
      period: described(z.int().positive(), 'In microseconds (100000 is usual)'),
      cpus: word('Which processors, like 0-1'),
      mems: word('Which memory nodes'),
      idle: described(z.int(), '1: runs only when nothing else wants to'),
    })
    .optional()
    .meta({ description: 'Processors' }),
  pids: z
    .strictObject({ limit: z.int().meta({ description: 'How many processes and threads' }) })
    .optional()
    .meta({ description: 'Processes' }),
  blockIO: z
    .strictObject({ weight: described(z.int().min(10).max(1000), 'Weight against others') })
    .optional()
    .meta({ description: 'Disks' }),
  unified: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'Files of the cgroup and what is written to them, like memory.high: 32M' }),
});

const networkInterface = z.strictObject({
  name: word('Of the interface'),
  add: word('Makes one of this type, like veth'),
  peer: word('The name of the other end of a veth'),
  createInRoot: flag('Whether it is made outside and moved in'),
});

const runtime = z.strictObject({
  cgroups: texts('Control groups to make before it starts'),
  mounts: z.array(mount).optional().meta({ description: 'Mounts outside of the container, before it starts' }),
  mkdir: texts('Folders to make before it starts'),
  interfaces: z.array(networkInterface).optional().meta({ description: 'Interfaces for its own network' }),
  bindNS: z
    .strictObject(
      Object.fromEntries(
        ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'].map((name) => [
          name,
          absolute.optional().meta({ description: `Where to keep its ${name} namespace` }),
        ]),
      ),
    )
    .optional()
    .meta({ description: 'Files that its namespaces are bound to, for others to join' }),
  namespace: word("containerd's namespace (default services.pibuild)"),
});

const namespace = (description: string) =>
  described(
    z.union([z.enum(['host', 'root', 'new', 'none']), absolute]),
    `${description}: host (or root), new (or none), or the path of one`,
  );

/** Where the files of a service come from. Exactly one of them. */
export const rootKeys = {
  rootfs: z.array(text.regex(NAME)).min(1).optional().meta({ description: 'Packages whose layers are its root' }),
  image: word(
    'An image with its registry, like registry.example/app:1.0 or @sha256:...; `pibuild lock` says which it is',
  ),
  oci: word('An OCI image layout, or an archive of one, beside the recipe'),
  dockerfile: described(
    z.union([
      text,
      z.strictObject({
        context: text.meta({ description: 'The folder beside the recipe that COPY takes from' }),
        file: word('The Dockerfile in it (default Dockerfile)'),
        args: z.record(z.string(), z.string()).optional().meta({ description: 'Build arguments (ARG)' }),
        target: word('The stage to stop at'),
      }),
    ]),
    'A folder beside the recipe with a Dockerfile to build',
  ),
};

export const containerKeys = {
  command: texts("What is run, in place of the image's entrypoint and command"),
  env: texts("NAME=value, in place of the image's environment"),
  cwd: word('The working directory (default: of the image, else /)'),
  capabilities: described(capabilities, 'What its root may do; `all`, or none (default)'),
  'capabilities.add': described(capabilities, 'Further ones, to those of the package'),
  ambient: described(capabilities, 'Capabilities that it keeps also as another user'),
  mounts: z
    .array(mount)
    .optional()
    .meta({ description: 'Mounts in the container; one at a usual place takes the place of the usual one' }),
  binds: z.array(bind).optional().meta({ description: 'Files and folders of the board: SOURCE:DESTINATION[:OPTIONS]' }),
  'binds.add': z.array(bind).optional().meta({ description: 'Further ones, to those of the package' }),
  tmpfs: z
    .array(text.regex(/^\/[^:]*(:[^:]+)?$/, 'PATH or PATH:OPTIONS'))
    .optional()
    .meta({ description: 'Folders in memory: PATH[:OPTIONS]' }),
  devices: z.array(device).optional().meta({ description: 'Devices that it may use, like /dev/i2c-1' }),
  net: namespace('Its network (default host)'),
  ipc: namespace('Its System V IPC and message queues (default host)'),
  uts: namespace('Its host name (default host)'),
  pid: namespace('Its processes (default new)'),
  userns: namespace('Its user ids (default host)'),
  uidMappings: z.array(mapping).optional().meta({ description: 'User ids in it and what they are outside' }),
  gidMappings: z.array(mapping).optional().meta({ description: 'Group ids in it and what they are outside' }),
  hostname: word('The host name it sees; needs `uts: new`'),
  readonly: flag('Whether it cannot write to its root'),
  persist: flag('Whether what it writes to its root is there after the next start; else it is in memory'),
  uid: id.optional().meta({ description: 'The user it runs as (default: of the image, else 0)' }),
  gid: id.optional().meta({ description: 'The group it runs as (default: of the image, else 0)' }),
  additionalGids: z.array(id).optional().meta({ description: 'Further groups' }),
  noNewPrivileges: flag('Whether setuid programs do not work in it (default true)'),
  oomScoreAdj: z
    .int()
    .min(-1000)
    .max(1000)
    .optional()
    .meta({ description: 'How soon it is killed when memory is short: 1000 first' }),
  rlimits: z.array(rlimit).optional().meta({ description: 'Limits: NAME,SOFT,HARD' }),
  rootfsPropagation: z
    .enum(['shared', 'slave', 'private', 'unbindable'])
    .optional()
    .meta({ description: 'Whether mounts in it show outside (default private)' }),
  cgroupsPath: absolute.optional().meta({ description: 'Its control group (default /services/NAME)' }),
  resources: resources.optional().meta({ description: 'Limits of its control group' }),
  sysctl: z.record(z.string(), z.string()).optional().meta({ description: 'Kernel parameters of its namespaces' }),
  maskedPaths: texts('Paths that it cannot see'),
  readonlyPaths: texts('Paths that it cannot write to'),
  annotations: z.record(z.string(), z.string()).optional().meta({ description: 'Notes for other programs' }),
  seccomp: z
    .enum(['default', 'unconfined'])
    .optional()
    .meta({ description: "Which system calls it may make: containerd's default profile, or all" }),
  ociRuntime: z
    .enum(['runc', 'crun'])
    .optional()
    .meta({ description: 'The program that makes the container (default runc)' }),
  runtime: runtime.optional().meta({ description: 'What is done outside of the container' }),
};

export const supervisionKeys = {
  after: z
    .array(serviceName)
    .optional()
    .meta({ description: 'Services that are ready (onboot: have ended) before this one starts' }),
  ready: z
    .union([
      z.strictObject({
        exec: z.array(text).min(1).meta({ description: 'A command in the container that ends with 0' }),
        within: duration.optional(),
      }),
      z.strictObject({
        file: absolute.meta({ description: 'A path on the board that is there' }),
        within: duration.optional(),
      }),
      z.strictObject({
        tcp: text
          .regex(/^([^:\s]+:)?[0-9]{1,5}$/, 'PORT or HOST:PORT')
          .meta({ description: 'A port that takes connections' }),
        within: duration.optional(),
      }),
    ])
    .optional()
    .meta({ description: 'When it counts as started (default: at once); `within` which time (default 1m)' }),
  restart: z
    .union([
      z.enum(['never', 'on-failure', 'always']),
      z.strictObject({
        policy: z.enum(['never', 'on-failure', 'always']).meta({ description: 'When it is started again' }),
        backoff: duration
          .optional()
          .meta({ description: 'How long to wait before the first time, then twice as long (default 1s)' }),
        max: duration.optional().meta({ description: 'The longest wait (default 1m)' }),
        tries: z
          .int()
          .positive()
          .optional()
          .meta({ description: 'How often at most without success in between (default: for ever)' }),
      }),
    ])
    .optional()
    .meta({
      description: 'Whether it is started again when it ends (default: on-failure for services, never for onboot)',
    }),
  timeout: duration.optional().meta({
    description: 'onboot and onshutdown: how long it may run. services: how long it may take to stop (default 10s)',
  }),
  onFailure: z
    .enum(['ignore', 'stop-boot', 'reboot'])
    .optional()
    .meta({ description: 'What happens when it fails for good (default: stop-boot for onboot, else ignore)' }),
  logs: z
    .union([
      z.literal(false),
      z.strictObject({
        size: size.optional().meta({ description: 'When a new file is begun (default 256K)' }),
        keep: z.int().min(0).max(99).optional().meta({ description: 'How many old files are kept (default 2)' }),
      }),
    ])
    .optional()
    .meta({ description: 'Its output, in /var/log/services; false: none is kept' }),
};

export const serviceKeys = { ...rootKeys, ...containerKeys, ...supervisionKeys };

/** A service in a board: the name of a package of kind `service`, or a map that may lay keys over those of one. */
export const boardService = z.union([
  serviceName,
  z.strictObject({
    name: serviceName.meta({ description: "Unique in the board; containerd's id" }),
    package: text
      .regex(NAME)
      .optional()
      .meta({ description: 'A package of kind `service` whose keys these are laid over' }),
    ...serviceKeys,
  }),
]);

/** LinuxKit's `files`: what is written into the root of the board. */
export const boardFile = z.strictObject({
  path: text.min(1).meta({ description: 'Where in the root' }),
  contents: word('Its text'),
  source: word("A file beside the board's recipe"),
  directory: flag('Whether it is a folder'),
  symlink: word('What it links to'),
  optional: flag('Whether the source may be missing'),
  mode: text
    .regex(/^[0-7]{3,4}$/, 'an octal mode in quotes, like "0644"')
    .optional()
    .meta({ description: 'Like "0600", in quotes (default "0644", of a folder "0755")' }),
  uid: id.optional().meta({ description: 'Default 0' }),
  gid: id.optional().meta({ description: 'Default 0' }),
});

export type BoardServiceRecipe = z.infer<typeof boardService>;
export type ServiceRecipe = z.infer<z.ZodObject<typeof serviceKeys>>;
export type BoardFileRecipe = z.infer<typeof boardFile>;
export type RootRecipe = z.infer<z.ZodObject<typeof rootKeys>>;
