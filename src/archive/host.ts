import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AptDefaults, noDefaults, readAptDefaults } from './apt-defaults.ts';
import type { MirrorSources } from './mirror.ts';

/**
 * What this machine says about mirrors: its environment and its apt, if it has one. `libraries` are further libapt-pkgs
 * to look into (that of the tools) when the host's own has no defaults or there is none.
 */
export function hostMirrorSources(libraries: readonly Uint8Array[] = [], root = '/'): MirrorSources {
  return {
    environment: process.env,
    aptFiles: aptFiles(join(root, 'etc/apt')),
    mirrorList: (path) => textOf(join(root, path)),
    defaults: firstDefaults([...hostLibraries(root), ...libraries.map((bytes) => () => bytes)]),
  };
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

function hostLibraries(root: string): (() => Uint8Array)[] {
  return ['x86_64-linux-gnu', 'aarch64-linux-gnu'].flatMap((triplet) => {
    const folder = join(root, 'usr/lib', triplet);
    const names = namesIn(folder).filter((name) => /^libapt-pkg\.so\.[0-9.]+$/.test(name));
    return names.map((name) => () => readFileSync(join(folder, name)));
  });
}

function firstDefaults(libraries: readonly (() => Uint8Array)[]): AptDefaults {
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
