import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Ended, killGroup, run, start } from '../build/command.ts';
import { type Bind, sandboxed } from '../build/sandbox.ts';
import { fail } from '../diagnostic.ts';
import { type DeviceTools, deviceSandbox } from './tools.ts';

/** A board that is reached over the network, emulated or not. */
export interface Target {
  readonly user: string;
  readonly address: string;
  readonly port: number;
}

export interface SshOptions {
  readonly tools: Pick<DeviceTools, 'bubblewrap' | 'emulator'>;
  readonly target: Target;
  /** A file of the host with a private key, absolute; absent: what the agent and the home folder have. */
  readonly identity?: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

/** Reads `root@192.168.1.7`, `pi.local:2222`, `[fe80::1]:22`. Without a user it is root. Throws a `Failure`. */
export function parseTarget(text: string): Target {
  const form =
    /^(?:([a-z_][a-z0-9_-]*)@)?(\[[0-9a-fA-F:]+(?:%[\w.-]+)?\]|[A-Za-z0-9][A-Za-z0-9.-]*)(?::([0-9]{1,5}))?$/;
  const [, user = 'root', address, port = '22'] = form.exec(text) ?? [];
  if (address !== undefined && Number(port) >= 1 && Number(port) <= 65_535) {
    return { user, address: address.replace(/^\[|\]$/g, ''), port: Number(port) };
  }
  throw fail('cli/host', `'${text}' is no host`, 'write it like root@192.168.1.7 or pi.local:2222');
}

/** ssh ends with this when it did not get as far as the command. */
export const NO_CONNECTION = 255;

/**
 * Runs a shell command on a board, with a file as its standard input, by the tools' own ssh. Returns its exit code. A board's
 * host key is another one after each flash, so it is not asked for.
 */
export async function overSsh(options: SshOptions, command: string, input: string): Promise<number> {
  const { signal, onLine } = options;
  const argv = sshArgv(options, command, `< ${INPUT}`, [{ source: input, target: INPUT }]);
  const { code } = await run({ argv, signal, onLine });
  signal.throwIfAborted();
  return code;
}

/** A command on a board that is talked to while it runs. */
export interface Remote {
  /** Its standard input. */
  readonly input: Duplex;
  readonly ended: Promise<Ended>;
  /** Ends the connection at once. */
  close(): void;
}

/** Starts a shell command on a board. What it prints comes by `onLine`; it ends when its input does, or this process. */
export async function startOverSsh(options: SshOptions, command: string): Promise<Remote> {
  const { signal, onLine } = options;
  const argv = sshArgv(options, command, '<&3 3<&-', []);
  const { pid, channels, ended } = await start({ argv, signal, onLine, channels: 1 });
  const [input] = channels as [Duplex];
  input.on('error', () => {}).resume();
  return { input, ended, close: () => killGroup(pid) };
}

/** `input` is how the shell redirects ssh's standard input. */
function sshArgv(options: SshOptions, command: string, input: string, more: readonly Bind[]): string[] {
  const { tools, target } = options;
  const { binds, words, environment } = keys(options);
  const sandbox = deviceSandbox(tools as DeviceTools, 'emulator', [...binds, ...more], true);
  const ssh = [
    ...['ssh', '-p', String(target.port), '-l', target.user, '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=15'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR', ...words],
    ...['--', target.address, command],
  ];
  return sandboxed({ ...sandbox, environment: { ...sandbox.environment, ...environment } }, [
    '/usr/bin/bash',
    '-c',
    `exec "$@" ${input}`,
    'ssh',
    ...ssh,
  ]);
}

const INPUT = '/run/input';
const AGENT = '/run/agent';
const KEY = '/run/key';

/** The user's keys, as far as ssh needs them: the agent's socket, or files. And how this machine finds hosts. */
function keys({ identity, environment }: SshOptions): {
  binds: Bind[];
  words: string[];
  environment: Record<string, string>;
} {
  const resolver = ['/etc/resolv.conf', '/etc/hosts']
    .filter((path) => existsSync(path))
    .map((path) => ({ source: realpathSync(path), target: path }));
  const agent = environment.SSH_AUTH_SOCK;
  const hasAgent = agent !== undefined && agent !== '' && existsSync(agent);
  const files = identity === undefined ? keysOf(environment.HOME) : [identity];
  if (identity !== undefined && !existsSync(identity)) throw fail('device/no-key', `there is no key '${identity}'`);
  return {
    binds: [
      ...resolver,
      ...(hasAgent ? [{ source: agent, target: AGENT, writable: true }] : []),
      ...files.map((source, index) => ({ source, target: `${KEY}-${index}` })),
    ],
    words: files.flatMap((_, index) => ['-i', `${KEY}-${index}`]),
    environment: hasAgent ? { SSH_AUTH_SOCK: AGENT } : {},
  };
}

function keysOf(home: string | undefined): string[] {
  if (home === undefined) return [];
  return ['id_ed25519', 'id_ecdsa', 'id_rsa']
    .map((name) => join(home, '.ssh', name))
    .filter((file) => existsSync(file));
}
