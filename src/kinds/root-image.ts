import { posix } from 'node:path';
import { Failure, type SourceLocation } from '../diagnostic.ts';
import type { Task } from '../graph/task.ts';
import { findLocked } from '../oci/lock.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import { displayPath, readIfThere } from '../recipe/files.ts';
import { parseImageLock } from '../recipe/lock.ts';
import type { ImageLock, LockedImage } from '../recipe/model.ts';
import { fetchImage } from './fetch.ts';
import { imageLayoutTask } from './image-layout.ts';
import type { ArtifactRef, PlanContext } from './kind.ts';
import type { PlanRoot, RootOwner } from './service-root.ts';
import { unpackImageTask } from './unpack-image.ts';

/** What says which images of registries a recipe's are, beside it. */
export const IMAGE_LOCK = 'image.lock.json';

/** The tree that unpacks images. */
const IMAGE_TOOLS = 'tools/image';

/** `image:` of a registry, as it was locked. */
export const planImageRoot: PlanRoot = (owner, context) => {
  const reference = checkedReference(owner.recipe.image ?? '', owner.at('image'));
  const image = lockedImage(reference, owner, context, owner.at('image'));
  const { task, layout } = fetchImage(`${owner.id}:fetch`, image);
  const { tasks, layout: root } = planLayout(owner.id, reference, layout, context);
  return { tasks: [task, ...tasks], root: { layout: root } };
};

/** The tasks that make a service's layout of an image, whatever it came as. */
export function planLayout(
  id: string,
  what: string,
  from: Parameters<typeof unpackImageTask>[2],
  context: PlanContext,
  tag?: string,
): { tasks: Task[]; layout: ArtifactRef } {
  const unpack = unpackImageTask(`${id}:unpack`, what, from, imageTools(context));
  const check = imageLayoutTask(`${id}:layout`, unpack.image, { what, ...(tag !== undefined && { tag }) });
  return { tasks: [unpack.task, check.task], layout: check.layout };
}

/** A reference in its one form. Throws a `Failure` at the place that has it. */
export function checkedReference(text: string, at: SourceLocation): string {
  const parsed = parseReference(text);
  if (!('fault' in parsed)) return formatReference(parsed);
  const hint = 'write the registry, the name and a tag or digest: registry.example/team/app:1.0';
  throw new Failure({ severity: 'error', code: 'oci/reference', message: `'${text}' ${parsed.fault}`, hint, at });
}

/** What a reference was locked to. Throws a `Failure` at the place that has it. */
export function lockedImage(
  reference: string,
  owner: RootOwner,
  context: PlanContext,
  at: SourceLocation,
): LockedImage {
  const lock = readImageLock(owner, context.project.root);
  const image = findLocked(lock?.images, reference);
  if (image) return image;
  const others = (lock?.images ?? []).map((each) => each.reference);
  const message =
    others.length === 0
      ? `image '${reference}' was never locked`
      : `image '${reference}' was never locked, only ${others.map((each) => `'${each}'`).join(' and ')}`;
  const hint = `pibuild lock ${owner.package?.name ?? owner.id.split(':')[0]}`;
  throw new Failure({ severity: 'error', code: 'oci/not-locked', message, hint, at });
}

/** A path beside a recipe in its one form: `./image/` is `image`. */
export function beside(path: string): string {
  return posix.normalize(path).replace(/\/$/, '');
}

/** The lock beside a recipe; undefined: there is none. */
export function readImageLock(owner: Pick<RootOwner, 'find'>, folder: string): ImageLock | undefined {
  const file = owner.find(IMAGE_LOCK);
  const bytes = file === undefined ? undefined : readIfThere(file);
  return file !== undefined && bytes ? parseImageLock(bytes, displayPath(file, folder)) : undefined;
}

function imageTools(context: PlanContext): ArtifactRef {
  const { tools } = context.package(IMAGE_TOOLS);
  if (tools === undefined) throw new Error(`package '${IMAGE_TOOLS}' is no tools tree`);
  return tools;
}
