import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { didYouMean, Failure, fail, type SourceLocation } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import { type Dockerfile, type ImageUse, parseDockerfile, stepPlaces, withImages } from '../oci/dockerfile.ts';
import { displayPath, filesBelow, isFolder, readIfThere } from '../recipe/files.ts';
import { buildScript } from './build-image.ts';
import { artifact, commandTask } from './command.ts';
import { fetchImage } from './fetch.ts';
import type { ArtifactRef, PlanContext } from './kind.ts';
import { beside, checkedReference, IMAGE_LOCK, lockedImage, planLayout } from './root-image.ts';
import type { PlanRoot, RootOwner } from './service-root.ts';

/** The tree that has the builder. */
const OCI_TOOLS = 'tools/oci';

/** `FROM pibuild/NAME` begins with the files of our own package NAME. */
const OWN = 'pibuild/';

/** What is in a recipe's folder for pibuild, and so is no part of what `COPY . /` copies. */
const NOT_CONTEXT = new Set(['package.yaml', 'board.yaml', 'debs.lock.json', IMAGE_LOCK]);

/** What a recipe says about its Dockerfile, and the file. */
export interface DockerfileSource {
  /** Absolute. */
  readonly context: string;
  readonly text: string;
  /** As diagnostics show it. */
  readonly file: string;
  readonly args: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly parsed: Dockerfile;
}

/** `dockerfile:`, built by buildah in the sandbox, for the board's processor. */
export const planDockerfileRoot: PlanRoot = (owner, context) => {
  const source = readDockerfile(owner, context.project.root);
  const bases = source.parsed.images.map((use, index) => baseOf(use, index, owner, context));
  const build = buildTask(owner, source, bases, context);
  // The builder leaves the layers of its bases as they came, compressed or not.
  const { tasks, layout } = planLayout(owner.id, owner.id, artifact(build.id, 'image'), context);
  return { tasks: [...bases.flatMap(({ tasks: fetches }) => fetches), build, ...tasks], root: { layout } };
};

/**
 * Reads the Dockerfile that a recipe names. Throws a `Failure` when it is not there or cannot be read.
 */
export function readDockerfile(owner: RootOwner, folder: string): DockerfileSource {
  const said = owner.recipe.dockerfile ?? '';
  const {
    context: named,
    file = 'Dockerfile',
    args = {},
    target,
  } = typeof said === 'string' ? { context: said } : said;
  const context = owner.find(beside(named));
  const at = owner.at('dockerfile');
  if (context === undefined || !isFolder(context)) throw missing(`there is no folder '${named}' beside the recipe`, at);
  const path = owner.find(beside(posix.join(named, file)));
  const bytes = path === undefined ? undefined : readIfThere(path);
  if (path === undefined || !bytes) throw missing(`there is no '${file}' in '${named}' beside the recipe`, at);
  const text = Buffer.from(bytes).toString().replaceAll('\r\n', '\n');
  const shown = displayPath(path, folder);
  const parsed = parseDockerfile(text, shown, args);
  const stages = parsed.stages.flatMap(({ name }) => name ?? []);
  if (target !== undefined && !stages.includes(target)) {
    throw missing(`the Dockerfile has no stage '${target}'`, at, didYouMean(target, stages));
  }
  return { context, text, file: shown, args, ...(target !== undefined && { target }), parsed };
}

/**
 * The images of registries that a recipe takes something from: what has to be locked. Throws a `Failure` for a name that is
 * none.
 */
export function registryImages(owner: RootOwner, folder: string): { reference: string; at: SourceLocation }[] {
  const { image, dockerfile } = owner.recipe;
  if (image !== undefined) return [{ reference: checkedReference(image, owner.at('image')), at: owner.at('image') }];
  if (dockerfile === undefined) return [];
  return readDockerfile(owner, folder)
    .parsed.images.filter(({ image: named }) => !named.startsWith(OWN))
    .map(({ image: named, at }) => ({ reference: checkedReference(named, at), at }));
}

interface Base {
  readonly tasks: readonly Task[];
  readonly image: string;
  /** What the builder finds it under: `in/base/0`. */
  readonly input: string;
  readonly layout: ArtifactRef;
}

function baseOf({ image, at }: ImageUse, index: number, owner: RootOwner, context: PlanContext): Base {
  const input = `base/${index}`;
  if (!image.startsWith(OWN)) {
    const locked = lockedImage(checkedReference(image, at), owner, context, at);
    const { task, layout } = fetchImage(`${owner.id}:fetch-${index}`, locked);
    return { tasks: [task], image, input, layout };
  }
  const name = image.slice(OWN.length).replace(/:latest$/, '');
  const { service } = context.package(context.project.package(name, at).name);
  if (service) return { tasks: [], image, input, layout: service.layout };
  const message = `package '${name}' has no root to begin with`;
  const hint = 'a package of kind `service` has one: it may be composed of others by `rootfs`';
  throw new Failure({ severity: 'error', code: 'dockerfile/no-base', message, hint, at });
}

function buildTask(owner: RootOwner, source: DockerfileSource, bases: readonly Base[], context: PlanContext): Task {
  const { tools } = context.package(OCI_TOOLS);
  if (tools === undefined) throw fail('tools/no-oci', `package '${OCI_TOOLS}' is no tools tree`);
  const names = new Map(bases.map(({ image, input }) => [image, `localhost/${input}:latest`]));
  const dockerfile = withImages(source.text, source.parsed, (image) => names.get(image) ?? image);
  const places = [...stepPlaces(source.parsed)].map(
    ([step, { name, at }]) => `${step}\t${at.file}:${at.line}\t${name}\n`,
  );
  return commandTask({
    id: `${owner.id}:build`,
    title: `build image ${owner.id}`,
    tools,
    inputs: {
      ...contextInputs(owner, source),
      Dockerfile: { from: 'text', text: dockerfile },
      steps: { from: 'text', text: places.join('') },
      ...Object.fromEntries(bases.map(({ input, layout }) => [input, layout])),
    },
    outputs: { image: 'tree' },
    namespaces: true,
    script: buildScript({
      bases: bases.map(({ input }) => input),
      args: source.args,
      ...(source.target !== undefined && { target: source.target }),
      runs: source.parsed.stages.some(({ instructions }) => instructions.some(({ name }) => name === 'RUN')),
    }),
  });
}

/** A folder beside the recipe goes in whole; the recipe's own folder without what is pibuild's, file by file. */
function contextInputs(owner: RootOwner, { context, file }: DockerfileSource): Record<string, Input> {
  const at = owner.at('dockerfile');
  const origin = `${at.file}:${at.line}`;
  const files = filesBelow(context);
  if (!files.some((each) => NOT_CONTEXT.has(each))) return { context: { from: 'project', path: context, origin } };
  const link = linkBelow(context);
  if (link !== undefined) {
    const hint = 'put the Dockerfile and what it copies into a folder of their own, beside the recipe';
    throw missing(`the link '${link}' cannot be copied out of the recipe's own folder`, at, hint);
  }
  const name = posix.basename(file);
  const wanted = files.filter((each) => !NOT_CONTEXT.has(each) && each !== name);
  return Object.fromEntries(
    wanted.map((each) => [`context/${each}`, { from: 'project', path: posix.join(context, each), origin }]),
  );
}

function linkBelow(folder: string): string | undefined {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.find((entry) => entry.isSymbolicLink())?.name;
}

function missing(message: string, at: SourceLocation, hint?: string): Failure {
  return new Failure({
    severity: 'error',
    code: 'recipe/missing-file',
    message,
    at,
    ...(hint !== undefined && { hint }),
  });
}
