import { Failure } from '../diagnostic.ts';
import { beside, planLayout } from './root-image.ts';
import type { PlanRoot } from './service-root.ts';

/** `oci:`, a layout or an archive beside the recipe: `./image.tar`, or `./image.tar:1.0` where it holds several images. */
export const planOciRoot: PlanRoot = (owner, context) => {
  const { oci = '' } = owner.recipe;
  const { path, tag } = withTag(oci, owner.find);
  const found = owner.find(beside(path));
  if (found === undefined) {
    const message = `there is no image '${path}' beside the recipe`;
    throw new Failure({ severity: 'error', code: 'recipe/missing-file', message, at: owner.at('oci') });
  }
  const at = owner.at('oci');
  const input = { from: 'project', path: found, origin: `${at.file}:${at.line}` } as const;
  const { tasks, layout } = planLayout(owner.id, oci, input, context, tag);
  return { tasks, root: { layout } };
};

/** A colon may be part of a file's name: it is a tag's when there is no such file. */
function withTag(oci: string, find: (path: string) => string | undefined): { path: string; tag?: string } {
  const [, path, tag] = /^(.+):([A-Za-z0-9_][A-Za-z0-9._-]*)$/.exec(oci) ?? [];
  return path !== undefined && tag !== undefined && find(beside(oci)) === undefined ? { path, tag } : { path: oci };
}
