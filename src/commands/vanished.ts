import type { Emit, Event } from '../build/event.ts';
import { lockRequest } from '../kinds/locked.ts';
import type { Project } from '../recipe/model.ts';
import type { Context } from './context.ts';

/**
 * Collects, out of a build's events, the packages whose locked files are gone from everywhere: what `relock` is for. Hand
 * `emit` to the build.
 */
export function watchVanished(emit: Emit): { emit: Emit; packages: ReadonlySet<string> } {
  const packages = new Set<string>();
  const watch = (event: Event): void => {
    emit(event);
    if (event.type !== 'task-failed' || !event.diagnostics.some(({ code }) => code === 'archive/vanished')) return;
    packages.add(event.task.slice(0, event.task.lastIndexOf(':')));
  };
  return { emit: watch, packages };
}

/**
 * What is done about files that are gone from everywhere: the packages that can be locked anew are, unless the user wants
 * nothing to change (`--frozen`) or no network. Names those that were; none: the build has failed for good.
 */
export async function lockVanished(
  context: Context,
  project: Project,
  packages: Iterable<string>,
  emit: Emit,
): Promise<string[]> {
  if (context.options.frozen || context.options.offline) return [];
  // `board:service` is no package: which image takes the place of one that is gone is for its user to say.
  const names = [...packages].filter((name) => !name.includes(':') && lockRequest(project.package(name)) !== undefined);
  if (names.length === 0) return [];
  const { relock } = await import('./relock.ts');
  await relock(context, project, names, emit);
  return names;
}
