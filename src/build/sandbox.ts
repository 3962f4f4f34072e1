import { join } from 'node:path';

/**
 * A sandbox is a value that yields argv: bubblewrap out of a tools tree, run through the tree's own loader, so that
 * the host needs neither bubblewrap nor its libraries. Nothing of the host is seen inside but what is bound.
 */
export interface Sandbox {
  /** The tools tree whose bubblewrap is used. */
  readonly bubblewrap: string;
  /** The tree that is the root inside, read-only. */
  readonly root: string;
  readonly binds: readonly Bind[];
  readonly environment: Readonly<Record<string, string>>;
  /** Where the command starts. */
  readonly folder: string;
  /** Whether the host's network is reachable. Never for tasks; for `lock` and the emulator. */
  readonly network: boolean;
  /** A shell for a person keeps the terminal; everything else gets a session of its own. */
  readonly interactive?: boolean;
  /** Keeps the kernel's settings and triggers from who runs as the owner of them: where root builds, that is everybody. */
  readonly sealed?: boolean;
}

export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly writable?: boolean;
  /** A device node of the host, like /dev/kvm. */
  readonly device?: boolean;
}

/** What is below /proc and may be written to by the user root, whatever capabilities a process of his has. */
const SEALED_PROC = ['sys', 'sysrq-trigger', 'irq', 'bus', 'fs', 'acpi', 'scsi'].map((name) => `/proc/${name}`);

/** What every command in the sandbox finds, besides its own variables and SOURCE_DATE_EPOCH. */
export const baseEnvironment: Readonly<Record<string, string>> = {
  HOME: '/tmp',
  LANG: 'C.UTF-8',
  PATH: '/usr/bin:/usr/sbin:/bin:/sbin',
  TZ: 'UTC',
};

/** The argv that runs a command in a sandbox. Binds are made in their order. */
export function sandboxed(sandbox: Sandbox, command: readonly string[]): string[] {
  return [
    ...throughLoader(sandbox.bubblewrap, 'usr/bin/bwrap'),
    ...['--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try'],
    ...(sandbox.network ? [] : ['--unshare-net']),
    ...['--uid', '1000', '--gid', '1000', '--hostname', 'pibuild'],
    ...['--die-with-parent', ...(sandbox.interactive ? [] : ['--new-session'])],
    ...['--ro-bind', sandbox.root, '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp', '--tmpfs', '/run'],
    ...(sandbox.sealed ? SEALED_PROC.flatMap((path) => ['--ro-bind-try', path, path]) : []),
    ...sandbox.binds.flatMap((bind) => [bindOption(bind), bind.source, bind.target]),
    ...['--chdir', sandbox.folder, '--clearenv'],
    ...Object.entries(sandbox.environment).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
    ...command,
  ];
}

/** The file descriptor that `run` holds the other end of for a command that is tied to this process. */
export const LIFE = 3;

/**
 * A command that is killed, and its sandbox with it, when the other end of a descriptor closes, which it does whenever this
 * process ends. bubblewrap's --die-with-parent alone lets it live when this process dies in the first moments, before that
 * is set up. `unwatched` are descriptors of the command's that who watches must not hold open.
 */
export function tied(command: readonly string[], life = LIFE, unwatched: readonly number[] = []): string[] {
  const closed = unwatched.length > 0 ? `exec ${unwatched.map((descriptor) => `${descriptor}>&-`).join(' ')}; ` : '';
  const watch = `{ ${closed}read -r _ <&${life}; kill -KILL $$; } &`;
  return ['/bin/bash', '-c', `${watch} exec ${life}<&-; exec "$@"`, 'bash', ...command];
}

/** The argv that runs a program of a tools tree right on the host, with the tree's loader and libraries. */
export function throughLoader(tree: string, program: string): string[] {
  const loader = join(tree, 'usr/lib64/ld-linux-x86-64.so.2');
  return [loader, '--library-path', join(tree, 'usr/lib/x86_64-linux-gnu'), join(tree, program)];
}

function bindOption(bind: Bind): string {
  if (bind.device) return '--dev-bind';
  return bind.writable ? '--bind' : '--ro-bind';
}
