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
  const reporter = openReporter(context);
  let locked: readonly Locked[];
  try {
    locked = await lockPackages(context, project, names, reporter.emit);
  } finally {
    reporter.close();
  }
  for (const each of locked) context.stdout.write(context.options.json ? eventOf(each) : describe(each));
  return exitCodes.ok;
}

function lockable(project: Project): string[] {
  return project.names('packages').filter((name) => lockRequest(project.package(name)) !== undefined);
}

function describe({ name, changes, debs }: Locked): string {
  if (changes.length === 0) return `${name}: ${debs} debs, as before\n`;
  return `${name}: ${debs} debs\n${changes.map((change) => `  ${change}\n`).join('')}`;
}

function eventOf({ name, changes, debs }: Locked): string {
  return `${JSON.stringify({ type: 'locked', at: Date.now(), package: name, debs, changes })}\n`;
}
