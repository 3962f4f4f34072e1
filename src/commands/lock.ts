import { Failure, fail } from '../diagnostic.ts';
import { lockRequest } from '../kinds/locked.ts';
import type { Package, Project } from '../recipe/model.ts';
import type { Context } from './context.ts';
import { type ImagesWanted, imagesOfBoard, imagesOfPackage, lockImages } from './lock-images.ts';
import { lockPackages } from './locking.ts';
import { openReporter } from './reporting.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

/**
 * Resolves the debs and images of packages anew, and the images of boards, and writes their locks; without names, of all
 * packages that have any.
 */
export async function run(context: Context, call: Call): Promise<number> {
  if (context.options.offline) throw fail('lock/offline', 'a lock needs the network', 'leave --offline out');
  const project = openProject(context);
  const wanted = call.arguments.length > 0 ? named(project, call.arguments) : lockable(project);
  const reporter = openReporter(context);
  try {
    const debs = wanted.debs.length > 0 ? await lockPackages(context, project, wanted.debs, reporter.emit) : [];
    for (const { name, changes, debs: count } of debs) report(context, { package: name, debs: count, changes });
    const images = await lockImages(context, project, wanted.images);
    for (const { name, changes, images: count } of images) report(context, { package: name, images: count, changes });
  } finally {
    reporter.close();
  }
  return exitCodes.ok;
}

interface Wanted {
  /** Packages. */
  readonly debs: string[];
  readonly images: ImagesWanted[];
}

function lockable(project: Project): Wanted {
  const packages = project.names('packages').map((name) => project.package(name));
  return {
    debs: packages.filter((pack) => lockRequest(pack) !== undefined).map(({ name }) => name),
    images: packages.flatMap((pack) => imagesOfPackage(project, pack) ?? []),
  };
}

/** A name may be that of a package and of a board: both are meant. */
function named(project: Project, names: readonly string[]): Wanted {
  const wanted: Wanted = { debs: [], images: [] };
  for (const name of names) {
    const isBoard = project.names('boards').includes(name);
    const ofBoard = isBoard ? imagesOfBoard(project, name) : undefined;
    if (ofBoard) wanted.images.push(ofBoard);
    if (isBoard && !project.names('packages').includes(name)) {
      if (ofBoard === undefined) throw fail('lock/no-images', `board '${name}' names no image of a registry`);
      continue;
    }
    addPackage(project, project.package(name), wanted);
  }
  return wanted;
}

function addPackage(project: Project, pack: Package, wanted: Wanted): void {
  const images = imagesOfPackage(project, pack);
  if (images) wanted.images.push(images);
  if (lockRequest(pack) !== undefined) wanted.debs.push(pack.name);
  else if (images === undefined) {
    const message = `package '${pack.name}' has no debs and no images of registries, so there is nothing to lock`;
    throw new Failure({ severity: 'error', code: 'lock/no-debs', message, at: pack.at('kind') });
  }
}

interface Report {
  readonly package: string;
  readonly debs?: number;
  readonly images?: number;
  readonly changes: readonly string[];
}

function report({ options, stdout }: Context, { package: name, changes, ...counts }: Report): void {
  if (options.json) {
    stdout.write(`${JSON.stringify({ type: 'locked', at: Date.now(), package: name, ...counts, changes })}\n`);
    return;
  }
  const { debs, images } = counts;
  const count = debs === undefined ? `${images} ${images === 1 ? 'image' : 'images'}` : `${debs} debs`;
  if (changes.length === 0) stdout.write(`${name}: ${count}, as before\n`);
  else stdout.write(`${name}: ${count}\n${changes.map((change) => `  ${change}\n`).join('')}`);
}
