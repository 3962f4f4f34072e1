import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { writeLockFile } from '../archive/lock-file.ts';
import { Failure, type SourceLocation } from '../diagnostic.ts';
import { registryImages } from '../kinds/root-dockerfile.ts';
import { IMAGE_LOCK, readImageLock } from '../kinds/root-image.ts';
import { rootOwner } from '../kinds/service.ts';
import type { RootOwner } from '../kinds/service-root.ts';
import { formatImageLock, imageChanges } from '../oci/lock.ts';
import { boardPlatform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import type { ImageLock, LockedImage, Package, Project } from '../recipe/model.ts';
import type { ServiceRecipe } from '../recipe/service.ts';
import { SERVICE_KIND } from '../recipe/services.ts';
import type { Context } from './context.ts';

/** A recipe whose images were locked. */
export interface LockedImages {
  readonly name: string;
  readonly images: number;
  /** Lines for people; empty: the images are as they were. */
  readonly changes: readonly string[];
}

/** Whose images of registries are to be locked, and where the lock is. */
export interface ImagesWanted {
  readonly name: string;
  readonly folder: string;
  readonly owner: RootOwner;
  readonly images: readonly { readonly reference: string; readonly at: SourceLocation }[];
}

/** The images that a package takes something from; undefined: none. Throws a `Failure`. */
export function imagesOfPackage(project: Project, pack: Package): ImagesWanted | undefined {
  if (pack.kind !== SERVICE_KIND) return undefined;
  const owner = rootOwner(pack as Package<ServiceRecipe>);
  return wantedOf(pack.name, pack.folder, [owner], project);
}

/** The images of the services that a board's own recipe describes in full; undefined: none. Throws a `Failure`. */
export function imagesOfBoard(project: Project, name: string): ImagesWanted | undefined {
  const board = project.board(name);
  const [folder = ''] = board.folders;
  const owners = board.services
    .filter((service) => service.package === undefined)
    .filter((service) => resolve(project.root, dirname(service.at('name').file)) === folder)
    .map((service) => ({ ...service, id: `${name}:${service.name}` }));
  return wantedOf(name, folder, owners, project);
}

/** Asks the registries, and writes the locks when all is well. Throws a `Failure` at the place that names an image. */
export async function lockImages(
  context: Context,
  project: Project,
  wanted: readonly ImagesWanted[],
): Promise<LockedImages[]> {
  const resolved: { wanted: ImagesWanted; lock: ImageLock }[] = [];
  for (const each of wanted) {
    const images: LockedImage[] = [];
    for (const { reference, at } of each.images) images.push(await resolveAt(context, reference, at));
    resolved.push({ wanted: each, lock: { format: 1, images } });
  }
  return resolved.map(({ wanted: { name, folder, owner }, lock }) => {
    const before = readImageLock(owner, project.root);
    if (!isDeepStrictEqual(before, lock)) writeLockFile(join(folder, IMAGE_LOCK), formatImageLock(lock));
    return { name, images: lock.images.length, changes: imageChanges(before, lock) };
  });
}

function wantedOf(
  name: string,
  folder: string,
  owners: readonly RootOwner[],
  project: Project,
): ImagesWanted | undefined {
  const images = owners.flatMap((owner) => registryImages(owner, project.root));
  const [owner] = owners;
  if (owner === undefined || images.length === 0) return undefined;
  const first = images.filter(({ reference }, at) => images.findIndex((each) => each.reference === reference) === at);
  return { name, folder, owner, images: first };
}

async function resolveAt({ env, signal }: Context, reference: string, at: SourceLocation): Promise<LockedImage> {
  // Only who locks asks a registry: everything else comes out of the lock.
  const { resolveImage } = await import('../oci/resolve.ts');
  const parsed = parseReference(reference);
  if ('fault' in parsed) throw new Error(`'${reference}' ${parsed.fault}`);
  try {
    return await resolveImage(parsed, { platform: boardPlatform, environment: env, signal });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(...error.diagnostics.map((each) => ({ ...each, at })));
  }
}
