import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AptDefaults, noDefaults, readAptDefaults } from './apt-defaults.ts';
import type { MirrorSources } from './mirror.ts';

/** Reads a libapt-pkg when it is needed. */
export type AptLibrary = () => Uint8Array;

/**
 * What this machine says about mirrors: its environment and its apt, if it has one. `further` are libapt-pkgs to look into
 * (that of the tools) when the host's own has no defaults or there is none.
 */
export function hostMirrorSources(further: readonly AptLibrary[] = [], root = '/'): MirrorSources {
  return {
    environment: process.env,
    aptFiles: aptFiles(join(root, 'etc/apt')),
    mirrorList: (path) => textOf(join(root, path)),
    defaults: firstDefaults([...librariesIn(root), ...further]),
  };
}

/** The libapt-pkgs below a root: of the host, or of a tools tree. */
export function librariesIn(root: string): AptLibrary[] {
  return ['x86_64-linux-gnu', 'aarch64-linux-gnu'].flatMap((triplet) => {
    const folder = join(root, 'usr/lib', triplet);
    const names = namesIn(folder).filter((name) => /^libapt-pkg\.so\.[0-9.]+$/.test(name));
    return names.map((name) => () => readFileSync(join(folder, name)));
  });
}

function aptFiles(folder: string): { path: string; text: string }[] {
  const parts = namesIn(join(folder, 'sources.list.d')).filter((name) =>
    /^[A-Za-z0-9._-]+\.(list|sources)$/.test(name),
  );
  return [join(folder, 'sources.list'), ...parts.map((name) => join(folder, 'sources.list.d', name))].flatMap(
    (path) => {
      const text = textOf(path);
      return text === undefined ? [] : [{ path, text }];
    },
  );
}

function firstDefaults(libraries: readonly AptLibrary[]): AptDefaults {
  for (const library of libraries) {
    const defaults = readAptDefaults(library());
    if (Object.keys(defaults.snapshots).length > 0) return defaults;
  }
  return noDefaults;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Files that are not there or may not be read name no mirrors: apt itself goes on without them. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
