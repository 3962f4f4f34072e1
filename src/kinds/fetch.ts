import { readdirSync } from 'node:fs';
import { copyFile, link, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArchiveName } from '../archive/apt-defaults.ts';
import { readDebFile } from '../archive/deb.ts';
import { DEBOOTSTRAP_SCRIPT, withDebootstrap } from '../archive/debootstrap.ts';
import { type DownloadOptions, type DownloadPlace, downloadAll } from '../archive/download.ts';
import { type AptLibrary, hostMirrorSources } from '../archive/host.ts';
import { type MirrorSources, mirrorsOf, mirrorVariable } from '../archive/mirror.ts';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import { treeDigest } from '../graph/fingerprint.ts';
import { digestOf } from '../graph/reapi.ts';
import type { Digest, Task, TaskId } from '../graph/task.ts';
import { blobPath, layoutTexts } from '../oci/layout.ts';
import { locatedOf, platformOf } from '../oci/lock.ts';
import { openRepository } from '../oci/repository.ts';
import type { DebsLock, LockedBlob, LockedDeb, LockedImage } from '../recipe/model.ts';
import type { SourceRecipe } from '../recipe/schema.ts';
import { artifact } from './command.ts';
import type { ArtifactRef, BlobStore, KnownTask, TaskKind, Workspace } from './kind.ts';

/** What a `fetch` task downloads. */
export type FetchParams = {
  files: FetchFile[];
  /** Whether the artifact is a tree `files` of all of them, or the one `file`. */
  tree: boolean;
  /** The moment to ask the snapshot service for, `YYYYMMDDTHHMMSSZ`. */
  snapshot?: string;
  /** Of an image in a registry: which repository `path` is in. */
  image?: { registry: string; name: string };
  /** Files of the tree that are not downloaded. Names of files may have slashes. */
  texts?: { name: string; text: string }[];
  /** The libapt-pkg of the tools: it knows where the snapshot services are, for hosts whose own apt does not. */
  apt?: { sha256: string; size: number }[];
};

/** A file by what it is, and where to look for it: at URLs, or below an archive or an image's repository. */
export type FetchFile = {
  name: string;
  urls?: string[];
  archive?: ArchiveName;
  path?: string;
  sha256: string;
  size: number;
};

/** Asks the machine where its mirrors are. */
type AskHost = (further?: readonly AptLibrary[]) => MirrorSources;

/** Downloads with known digests: the one task that has a network, and the one whose result is known before it runs. */
export const fetchKind: TaskKind<FetchParams> = createFetchKind(hostMirrorSources);

/** The kind, with what it asks about mirrors. */
export function createFetchKind(askHost: AskHost): TaskKind<FetchParams> {
  return {
    kind: 'fetch',
    revision: 1,
    known: (params) => (params.tree ? knownTree(params) : knownFile(params)),
    run: (workspace, params) => fetchFiles(workspace, params, askHost),
  };
}

/**
 * The task that downloads a package's locked debs, into one tree of `<name>_<version>_<architecture>.deb`. `tools` are debs
 * that are there first and know where archives are: apt, debootstrap.
 */
export function fetchDebs(id: string, lock: DebsLock, apt: readonly Digest[] = [], tools?: ArtifactRef): Task {
  const files = lock.debs.map((deb) => ({
    name: debFile(deb),
    ...(deb.archive === 'other' ? { urls: [`${deb.url}${deb.path}`] } : { archive: deb.archive }),
    path: deb.path,
    sha256: deb.sha256,
    size: deb.size,
  }));
  const task = fetchTask(id, `download ${files.length} debs`, {
    files,
    tree: true,
    snapshot: lock.snapshot,
    ...(apt.length > 0 && { apt: apt.map(({ hash, size }) => ({ sha256: hash, size })) }),
  });
  return tools === undefined ? task : { ...task, inputs: { [TOOLS_INPUT]: tools } };
}

/** A source that is one file somewhere. */
export type DownloadedSource = Exclude<SourceRecipe, { folder: string } | { deb: string } | { git: string }>;

/** The task that downloads a source, and its artifact. */
export function fetchSource(id: string, source: DownloadedSource): { task: Task; file: ArtifactRef } {
  const where =
    'url' in source
      ? { name: fileName(source.url), urls: [source.url] }
      : { name: fileName(source.path), archive: source.archive, path: source.path };
  const { sha256, size } = source;
  const task = fetchTask(id, `download ${where.name}`, { files: [{ ...where, sha256, size }], tree: false });
  return { task, file: artifact(id, 'file') };
}

/** The task that downloads a locked image of a registry: an OCI image layout (image-layout.md) of that one manifest. */
export function fetchImage(id: string, image: LockedImage): { task: Task; layout: ArtifactRef } {
  const { registry, name } = locatedOf(image);
  const { manifest, config, layers } = image;
  const blob = (kind: 'blobs' | 'manifests', { digest, size }: LockedBlob): FetchFile => ({
    name: blobPath(digest),
    path: `${kind}/${digest}`,
    sha256: digest.slice('sha256:'.length),
    size,
  });
  const files = [blob('manifests', manifest), ...[config, ...layers].map((each) => blob('blobs', each))];
  const task = fetchTask(id, `download image ${image.reference}`, {
    // Layers may be there twice: the empty one often is.
    files: files.filter((file, index) => files.findIndex((other) => other.name === file.name) === index),
    texts: layoutTexts(manifest, platformOf(image)),
    image: { registry, name },
    tree: true,
  });
  return { task, layout: artifact(id, 'files') };
}

/** What a deb is called in the tree that `fetchDebs` makes. */
export function debFile(deb: LockedDeb): string {
  return `${deb.name}_${deb.version.replaceAll(':', '%3a')}_${deb.architecture}.deb`;
}

/** The digests of the libapt-pkg in a lock, for `fetchDebs`. */
export function aptLibrary(lock: DebsLock | undefined): Digest[] {
  const library = lock?.debs.find(({ name }) => /^libapt-pkg[0-9]/.test(name));
  return library === undefined ? [] : [{ hash: library.sha256, size: library.size }];
}

const TOOLS_INPUT = 'tools';

function fetchTask(id: string, title: string, params: FetchParams): Task {
  return {
    id: id as TaskId,
    kind: fetchKind.kind,
    title,
    params,
    inputs: {},
    outputs: params.tree ? { files: 'tree' } : { file: 'file' },
    pool: 'network',
    expected: Math.ceil(params.files.reduce((sum, { size }) => sum + size, 0) / DOWNLOADED),
  };
}

/** Bytes that a second brings, for the order of a first build. */
const DOWNLOADED = 10_000_000;

function fileName(path: string): string {
  return decodeURIComponent(new URL(path, 'file:///').pathname.split('/').at(-1) ?? '');
}

function knownFile({ files }: FetchParams): KnownTask {
  const [file] = files;
  if (file === undefined || files.length !== 1) throw new Error('a fetch that is no tree has one file');
  return { artifacts: { file: { type: 'file', digest: digestIn(file), executable: false } }, directories: new Map() };
}

function knownTree({ files, texts = [] }: FetchParams): KnownTask {
  const contents = [
    ...files.map((file) => [file.name, digestIn(file)] as const),
    ...texts.map(({ name, text }) => [name, digestOf(text)] as const),
  ];
  const { root, directories } = treeDigest(
    Object.fromEntries(contents.map(([name, digest]) => [name, { type: 'file', digest, executable: false }])),
  );
  return { artifacts: { files: { type: 'tree', digest: root } }, directories };
}

function digestIn({ sha256, size }: { sha256: string; size: number }): Digest {
  return { hash: sha256, size };
}

/** Files that another task of this process is downloading: waited for instead of downloaded twice. */
const underWay = new Map<string, Promise<void>>();

async function fetchFiles(workspace: Workspace, params: FetchParams, askHost: AskHost): Promise<void> {
  const { blobs } = workspace;
  if (blobs === undefined) throw new Error('a fetch needs the blobs of the store');
  const found = new Map<string, string>();
  for (;;) {
    const missing = await missingFrom(blobs, params.files, found);
    if (missing.length === 0) break;
    const others = missing.flatMap(({ sha256 }) => underWay.get(sha256) ?? []);
    const ours = missing.filter(({ sha256 }) => !underWay.has(sha256));
    await announced(ours, () => download(workspace, blobs, ours, params, found, askHost));
    await Promise.all(others);
  }
  await layOut(workspace, params, found);
}

/** The files whose blobs are not there; the paths of those that are go into `found`. */
async function missingFrom(
  blobs: BlobStore,
  files: readonly FetchFile[],
  found: Map<string, string>,
): Promise<FetchFile[]> {
  for (const file of files) {
    const path = found.get(file.sha256) ?? (await blobs.find(digestIn(file)));
    if (path !== undefined) found.set(file.sha256, path);
  }
  return files.filter(({ sha256 }) => !found.has(sha256));
}

/** Runs the download of some files while `underWay` says so. */
async function announced(files: readonly FetchFile[], action: () => Promise<void>): Promise<void> {
  if (files.length === 0) return;
  const running = action();
  // Who waits for these files looks for them again, and meets the failure by itself.
  const settled = running.catch(() => undefined);
  for (const { sha256 } of files) underWay.set(sha256, settled);
  try {
    await running;
  } finally {
    for (const { sha256 } of files) underWay.delete(sha256);
  }
}

async function download(
  workspace: Workspace,
  blobs: BlobStore,
  files: readonly FetchFile[],
  params: FetchParams,
  found: Map<string, string>,
  askHost: AskHost,
): Promise<void> {
  const places = await placesOf(workspace, blobs, params, askHost);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let bytes = 0;
  const downloading = downloadAll(
    files.map((file) => ({ name: nameFor(file, params), digest: digestIn(file), from: places.from(file) })),
    {
      ...(places.client && { client: places.client }),
      partial: (digest) => blobs.partial(digest),
      signal: workspace.signal,
      log: (line) => workspace.log(line),
      progress: (more) => {
        bytes += more;
        workspace.progress(bytes, total);
      },
    },
    async ({ name, digest }, path) => {
      found.set(digest.hash, await blobs.adopt(path, digest));
      workspace.log(`${name}: ${digest.size} bytes`);
    },
  );
  await downloading.catch((error) => {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(
      ...(places.refusal?.() ?? summed(error.diagnostics).map((each) => advised(each, workspace.task))),
    );
  });
}

/** What people call a file: of an image its place in the registry, which is its digest. */
function nameFor(file: FetchFile, { image }: FetchParams): string {
  return image && file.path !== undefined ? `${image.registry}/${image.name} ${file.path}` : file.name;
}

/** Where files are looked for, and who asks there; `refusal` says why a login was no use. */
interface Places {
  from(file: FetchFile): DownloadPlace[];
  readonly client?: DownloadOptions['client'];
  readonly refusal?: () => Diagnostic[] | undefined;
}

async function placesOf(
  workspace: Workspace,
  blobs: BlobStore,
  params: FetchParams,
  askHost: AskHost,
): Promise<Places> {
  if (params.image === undefined) {
    const sources = await mirrorSources(workspace, blobs, params, askHost);
    return { from: (file) => placesIn(file, sources, params.snapshot) };
  }
  const repository = openRepository(params.image, process.env);
  return {
    from: ({ path = '' }) => repository.endpoints.map((endpoint) => ({ url: `${endpoint}/${path}` })),
    client: async (times) => repository.client(times),
    refusal: () => repository.refusal(),
  };
}

/** Where an archive does not answer, that is one failure, however many files are in it. */
function summed(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const [first, ...others] = diagnostics.filter(({ code }) => code === 'archive/unreachable');
  if (first === undefined || others.length === 0) return [...diagnostics];
  const rest = diagnostics.filter(({ code }) => code !== 'archive/unreachable');
  return [...rest, { ...first, message: `${first.message} and ${others.length} more` }];
}

/** What to do about a file that is gone: only who reads a recipe knows where its source went. */
function advised(diagnostic: Diagnostic, { id, params }: Task): Diagnostic {
  const owner = id.slice(0, id.lastIndexOf(':'));
  const { tree: locked, files } = params as FetchParams;
  const ubuntu = files.some(({ archive }) => archive?.startsWith('ubuntu'));
  if (diagnostic.code === 'archive/unreachable' && ubuntu) {
    const hint = `set ${mirrorVariable.ubuntu} to a mirror that answers, or do without, as the board rpi3-debian does: \`without: {packages: [${owner}]}\``;
    return { ...diagnostic, hint };
  }
  if (diagnostic.code !== 'archive/vanished') return diagnostic;
  return {
    ...diagnostic,
    // The image of a board's own service is in the board's lock: `gate:app:fetch`.
    hint: locked ? `pibuild lock ${owner.split(':')[0]}` : `give package '${owner}' the new place of its source`,
  };
}

/** The host's mirrors; the apt of the tools helps out with its defaults when its deb has been downloaded already. */
async function mirrorSources(
  workspace: Workspace,
  blobs: BlobStore,
  params: FetchParams,
  askHost: AskHost,
): Promise<MirrorSources> {
  const { tools } = workspace.task.inputs;
  const sources = await aptSources(blobs, params, askHost);
  if (tools === undefined) return sources;
  const folder = workspace.input(TOOLS_INPUT);
  const deb = readdirSync(folder).find((name) => name.startsWith('debootstrap_'));
  const script = deb && (await readDebFile(join(folder, deb), DEBOOTSTRAP_SCRIPT));
  return script ? withDebootstrap(sources, script.toString('utf8')) : sources;
}

async function aptSources(blobs: BlobStore, { apt = [] }: FetchParams, askHost: AskHost): Promise<MirrorSources> {
  const host = askHost();
  if (Object.keys(host.defaults.snapshots).length > 0) return host;
  for (const each of apt) {
    const deb = await blobs.find(digestIn(each));
    const library = deb && (await readDebFile(deb, /\/libapt-pkg\.so\.[0-9.]+$/));
    if (library) return askHost([() => library]);
  }
  return host;
}

function placesIn(file: FetchFile, sources: MirrorSources, snapshot: string | undefined): DownloadPlace[] {
  const mirrors = file.archive === undefined ? [] : mirrorsOf(file.archive, sources, snapshot);
  return [
    ...(file.urls ?? []).map((url) => ({ url })),
    ...mirrors.map((mirror) => ({ url: `${mirror.url}${urlPath(file.path ?? '')}`, lastResort: mirror.snapshot })),
  ];
}

/** A pool path as a URL wants it: `+` and `~` stay, as mirrors have them in their links. */
function urlPath(path: string): string {
  return path
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll('%2B', '+').replaceAll('%3A', ':'))
    .join('/');
}

async function layOut(
  workspace: Workspace,
  { files, texts = [], tree }: FetchParams,
  found: ReadonlyMap<string, string>,
): Promise<void> {
  const places = [
    ...files.map(({ name, sha256 }) => ({ name, from: found.get(sha256) ?? '' })),
    ...(await Promise.all(texts.map(async ({ name, text }) => ({ name, from: await keepBytes(workspace, text) })))),
  ];
  for (const { name, from } of places) {
    const path = tree ? join(workspace.output('files'), name) : workspace.output('file');
    await mkdir(dirname(path), { recursive: true });
    await linkOrCopy(from, path);
  }
}

/** Puts what this process made among the blobs of the store: of what is known beforehand nothing else is put there. */
export async function keepBytes({ blobs }: Workspace, bytes: string | Uint8Array): Promise<string> {
  if (blobs === undefined) throw new Error('a fetch needs the blobs of the store');
  const digest = digestOf(bytes);
  const there = await blobs.find(digest);
  if (there !== undefined) return there;
  const partial = blobs.partial(digest);
  await writeFile(partial, bytes);
  return blobs.adopt(partial, digest);
}

/** Gives a file of the store another name; a copy where that cannot be. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
    await copyFile(from, to);
  }
}
