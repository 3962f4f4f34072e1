import { fail } from '../diagnostic.ts';
import { lockRequest } from '../kinds/locked.ts';
import type { Project } from '../recipe/model.ts';
import type { Context } from './context.ts';
import { type Locked, lockPackages } from './locking.ts';
import { openReporter } from './reporting.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/** Resolves the debs of packages anew and writes their locks; without names, of all packages that have debs. */
export async function run(context: Context, call: Call): Promise<number> {
  if (context.options.offline) throw fail('lock/offline', 'a lock needs the network', 'leave --offline out');
  const project = openProject(context);
  const names = call.arguments.length > 0 ? call.arguments : lockable(project);
  const reporter = openReporter(context, 'lock');
  let locked: readonly Locked[];
  try {
    locked = await lockPackages(context, project, names, reporter.emit);
  } finally {
    reporter.close();
  }
  context.stdout.write(locked.map(describe).join(''));
  return exitCodes.ok;
}

function lockable(project: Project): string[] {
  return project.names('packages').filter((name) => lockRequest(project.package(name)) !== undefined);
}

function describe({ name, changes, debs }: Locked): string {
  if (changes.length === 0) return `${name}: ${debs} debs, as before\n`;
  return `${name}: ${debs} debs\n${changes.map((change) => `  ${change}\n`).join('')}`;
}
