import { commandKind } from './command.ts';
import type { PackageKind, TaskKind } from './kind.ts';

/** The kinds of packages, by the word that `kind:` in a package.yaml uses. */
export const packageKinds: ReadonlyMap<string, PackageKind<never>> = new Map<string, PackageKind<never>>([]);

/** How tasks are run, by `Task.kind`. */
export const taskKinds: ReadonlyMap<string, TaskKind<never>> = new Map<string, TaskKind<never>>(
  [commandKind].map((kind) => [kind.kind, kind as TaskKind<never>]),
);
