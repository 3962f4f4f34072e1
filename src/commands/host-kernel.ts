import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Bind } from '../build/sandbox.ts';
import { fail } from '../diagnostic.ts';
import { parseConfig } from '../kconfig/config.ts';
import type { ModuleKernel } from '../kinds/kind.ts';
import { HOST_LIBRARIES } from '../kinds/module-script.ts';
import { workFolder } from '../paths.ts';
import { isFile, isFolder } from '../recipe/files.ts';

/** A kernel build tree of this machine: what it is, and how the sandbox gets to see it. */
export interface HostKernel {
  /** The folder that was configured and built, absolute. */
  readonly folder: string;
  readonly release: string;
  readonly kernel: ModuleKernel;
  readonly binds: readonly Bind[];
}

/** Where the host's folders are bound below, each at its own path, so that links from one to the other hold. */
const HOST = `${workFolder}/host`;

/**
 * Looks at a build tree: a kernel's own source, one built with O=, or installed headers, which are several folders. It is
 * bound read-only and never copied: it may be gigabytes. Nothing is remembered of what was built against it, since its
 * state could be known only by reading all of it; the compiler cache, which looks at every header it reads, makes up for it.
 *
 * @throws Failure `module/no-kernel` when it is none, or is not built far enough
 */
export function openHostKernel(path: string): HostKernel {
  const folder = realFolder(path);
  const needed = ['include/config/kernel.release', 'include/config/auto.conf', 'Makefile', 'scripts/basic/fixdep'];
  const missing = needed.find((file) => !isFile(join(folder, file)));
  if (missing !== undefined) {
    const hint =
      'a kernel is ready for modules after `make modules_prepare`; installed ones are /lib/modules/<release>/build';
    throw fail(
      'module/no-kernel',
      `'${path}' is no kernel that modules can be built against: it has no ${missing}`,
      hint,
    );
  }
  const config = parseConfig(readFileSync(join(folder, 'include/config/auto.conf'), 'utf8'));
  const arch = config.get('ARM64') === 'y' ? 'arm64' : config.get('X86_64') === 'y' ? 'amd64' : undefined;
  if (arch === undefined) {
    throw fail('module/no-kernel', `the kernel in '${path}' is neither for arm64 nor for amd64`);
  }
  const source = sourceOf(folder);
  const folders = [...new Set([folder, source].flatMap((each) => [each, ...linkedFrom(each)]))];
  const make = source === folder ? `-C ${HOST}${folder}` : `-C ${HOST}${source} O=${HOST}${folder}`;
  const release = readFileSync(join(folder, 'include/config/kernel.release'), 'utf8').trim();
  const binds = folders.map((each) => ({ source: realpathSync(each), target: `${HOST}${each}` }));
  return { folder, release, kernel: { arch, make }, binds: [...binds, ...(arch === 'amd64' ? libelf() : [])] };
}

/** The library of x86's objtool, which was linked on this machine. Without it objtool says so itself. */
function libelf(): Bind[] {
  const found = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib']
    .map((each) => join(each, 'libelf.so.1'))
    .find(isFile);
  return found === undefined ? [] : [{ source: realpathSync(found), target: `${HOST_LIBRARIES}/libelf.so.1` }];
}

function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw fail('module/no-kernel', `there is no folder '${path}'`);
  }
}

/** The source of a build tree: its Makefile includes the source's, when that is elsewhere. */
function sourceOf(folder: string): string {
  const text = readFileSync(join(folder, 'Makefile'), 'utf8');
  const included = /^include (\S+)\/Makefile$/m.exec(text)?.[1];
  if (included === undefined || included.includes('$')) return folder;
  const source = resolve(folder, included);
  if (isFolder(source)) return source;
  const message = `the kernel in '${folder}' was built from '${source}', which is not there`;
  throw fail('module/no-kernel', message, 'installed headers are several packages, and all of them are needed');
}

/** Where links at the top of a folder lead out of it: scripts of Debian's headers, everything of Ubuntu's. */
function linkedFrom(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isSymbolicLink() || ['build', 'source'].includes(entry.name)) return [];
    const link = readlinkSync(join(folder, entry.name));
    const target = resolve(folder, link);
    if (target.startsWith(`${folder}/`)) return [];
    if (link.startsWith('/')) {
      throw fail(
        'module/kernel-link',
        `'${join(folder, entry.name)}' is an absolute link, which leads nowhere in the sandbox`,
      );
    }
    return [isFile(target) ? dirname(target) : target];
  });
}
