import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, freemem, release as osRelease } from 'node:os';
import type { Diagnostic } from '../diagnostic.ts';

/** What the machine must give: user namespaces for the sandbox, room, memory. Each finding carries its fix. */

/** Reads a kernel setting below /proc/sys; undefined where the kernel has no such setting. */
export type ReadSetting = (name: string) => string | undefined;

export const kernelSetting: ReadSetting = (name) => {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/**
 * Why an ordinary user may not make user namespaces here, with the command that allows it; undefined when nothing
 * known stands in the way. Root is stopped only by the limit.
 */
export function userNamespaceProblem(
  setting: ReadSetting = kernelSetting,
  uid = process.getuid?.(),
): Diagnostic | undefined {
  if (setting('user/max_user_namespaces') === '0') {
    return problem('the kernel allows no user namespaces', 'sysctl -w user.max_user_namespaces=15000');
  }
  if (uid === 0) return undefined;
  if (setting('kernel/unprivileged_userns_clone') === '0') {
    return problem('the kernel allows user namespaces to root alone', 'sysctl -w kernel.unprivileged_userns_clone=1');
  }
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return problem(
      'AppArmor restricts user namespaces of ordinary users (as Ubuntu 24.04 and later do)',
      'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    );
  }
  return undefined;
}

/**
 * Why no arm64 program runs in a sandbox here, which making a userland takes: binfmt_misc can be mounted in user namespaces
 * since Linux 6.7; before that, an administrator's registration must hold the emulator open (flag F).
 */
export function emulationProblem(release = osRelease(), setting: ReadSetting = kernelSetting): Diagnostic | undefined {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  if (major > 6 || (major === 6 && minor >= 7)) return undefined;
  if (/^flags: .*F/m.test(setting('fs/binfmt_misc/qemu-aarch64') ?? '')) return undefined;
  return {
    severity: 'warning',
    code: 'host/emulation',
    message: `Linux ${release} runs no arm64 programs in a sandbox, so userlands cannot be made here`,
    hint: 'use Linux 6.7 or later, or as root: apt install qemu-user-static (it registers qemu-aarch64 with flag F)',
  };
}

/** What is wrong when bubblewrap itself failed, going by what it printed; undefined when it was the command that failed. */
export function sandboxProblem(
  output: readonly string[],
  setting: ReadSetting = kernelSetting,
): Diagnostic | undefined {
  const said = output.find((line) => line.startsWith('bwrap: '));
  if (said === undefined) return undefined;
  const known = userNamespaceProblem(setting);
  const note = { message: said };
  if (known) return { ...known, notes: [note] };
  const message = 'the sandbox could not be made';
  const hint =
    'in a container, allow user namespaces and mounts in it (Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)';
  return { severity: 'error', code: 'sandbox/failed', message, hint, notes: [note] };
}

/** What a kernel build with all its tools takes, in bytes: measured 6 GB of disk, 1 GB of memory a job. */
const DISK = 8 * 1024 ** 3;
const MEMORY_PER_JOB = 1024 ** 3;

/** Warnings about too little room in a folder's filesystem. */
export function diskProblem(folder: string): Diagnostic | undefined {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= DISK) return undefined;
  const message = `only ${gigabytes(free)} are free in ${folder}; a first build takes about ${gigabytes(DISK)}`;
  return {
    severity: 'warning',
    code: 'host/disk',
    message,
    hint: 'move the store with PIBUILD_STORE, or run `pibuild gc`',
  };
}

export function memoryProblem(free = freemem(), jobs = availableParallelism()): Diagnostic | undefined {
  if (free >= jobs * MEMORY_PER_JOB) return undefined;
  const message = `${gigabytes(free)} of memory are free for ${jobs} jobs`;
  return { severity: 'warning', code: 'host/memory', message, hint: 'use fewer jobs with --jobs' };
}

function problem(message: string, command: string): Diagnostic {
  return { severity: 'error', code: 'sandbox/no-user-namespaces', message, hint: `as root: ${command}` };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
