import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { build } from '../../src/build/builder.ts';
import { bytesOf } from '../../src/build/bytes.ts';
import type { Event } from '../../src/build/event.ts';
import { History } from '../../src/build/history.ts';
import { Store } from '../../src/build/store.ts';
import { Times } from '../../src/build/times.ts';
import { rootDirectory } from '../../src/build/tree.ts';
import { inOrder } from '../../src/graph/graph.ts';
import type { Artifact, Digest, Fingerprint, Task, TaskId } from '../../src/graph/task.ts';
import type { FetchParams } from '../../src/kinds/fetch.ts';
import { packageKinds, taskKinds } from '../../src/kinds/index.ts';
import { planBoard } from '../../src/plan.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { type LoopbackServer, sendBytes, serve } from './archive.ts';
import { type Installed, install, type Running } from './boot.ts';
import { checkout, sharedStore } from './tools.ts';

/**
 * A yard to maltreat pibuild in: a real board's build in a store of its own, which begins with what the shared store has,
 * and a mirror on this machine that serves the same downloads as badly as a test wants.
 */
export interface Yard {
  readonly project: string;
  readonly store: Store;
  /** What is made: tasks, or the whole board when there are none. */
  readonly targets: readonly string[];
  readonly tasks: readonly YardTask[];
  readonly mirror: LoopbackServer;
  /** What the mirror does with a request for these bytes; absent: it sends them. */
  answer?: ((request: IncomingMessage, response: ServerResponse, bytes: Buffer) => void) | undefined;
  /** Starts pibuild; `environment` is added to that of the yard. */
  start(words: readonly string[], environment?: NodeJS.ProcessEnv): Running;
  /** Starts any command in that environment. */
  run(argv: readonly string[], environment?: NodeJS.ProcessEnv): Running;
  argv(words: readonly string[]): string[];
  /** Takes results out of the store, and of other tasks the bytes too. */
  forget(results: readonly YardTask[], bytes?: readonly YardTask[]): void;
  /** The hashes of the blobs that an artifact consists of. */
  blobsOf(artifact: Artifact): string[];
  remove(): Promise<void>;
}

export interface YardTask {
  readonly task: Task;
  readonly artifacts: Readonly<Record<string, Artifact>>;
  /** Empty where the result is known beforehand. */
  readonly fingerprint: Fingerprint;
}

/** A board with a little of everything: debs, sources that are compiled, layers, an ext4, a FAT, a disk. */
export const YARD_BOARD = 'yard';
const board = `board: ${YARD_BOARD}
extends: rpi3-minimal
summary: What is maltreated
without: {packages: [dropbear, firmware-brcm80211, bluez-firmware, wireless-regdb]}
image:
  size: 128M
  partitions:
    boot: {size: 34M}
    root: {format: ext4, size: 48M}
`;

/** Of these nothing is ever forgotten: they take minutes. */
export const isDear = ({ task: { id } }: YardTask): boolean => /^(linux|busybox|tools\/build):/.test(id);

/** A task by its id. */
export function taskOf(yard: Yard, id: string): YardTask {
  const found = yard.tasks.find(({ task }) => task.id === id);
  if (found === undefined) throw new Error(`no task ${id}`);
  return found;
}

/** Builds the board, or some tasks of it, with the shared store, and copies out of that what a store needs for the same. */
export async function createYard(...targets: string[]): Promise<Yard> {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-torture-'));
  const project = join(folder, 'project');
  mkdirSync(join(project, 'boards', YARD_BOARD), { recursive: true });
  writeFileSync(join(project, 'boards', YARD_BOARD, 'board.yaml'), board);
  const source = new Store(sharedStore);
  const tasks = await buildIn(project, source, targets);
  const store = new Store(join(folder, 'store'));
  for (const task of tasks) copyTask(source, store, task, tasks);
  const installed: Installed = await install();
  const served = servedBytes(source, tasks);
  const yard: { answer: Yard['answer'] } = { answer: undefined };
  const mirror = await serve((request, response) => {
    const bytes = served(request.url ?? '');
    if (bytes === undefined) response.writeHead(404).end();
    else (yard.answer ?? sendBytes)(request, response, bytes);
  });
  const environment = {
    PIBUILD_STORE: store.paths.root,
    PIBUILD_DEBIAN_MIRROR: mirror.url,
    PIBUILD_DEBIAN_SECURITY_MIRROR: mirror.url,
    // Nothing but the mirror can be reached: the discard port answers nobody.
    http_proxy: 'http://127.0.0.1:9',
    https_proxy: 'http://127.0.0.1:9',
    no_proxy: '127.0.0.1',
  };
  const blobs = new Map(
    tasks.map((each) => [each, Object.values(each.artifacts).flatMap((of) => filesOf(source, of))]),
  );
  const forget: Yard['forget'] = (results, bytes = []) => {
    for (const { fingerprint } of [...results, ...bytes]) if (fingerprint) store.forget(fingerprint);
    // What others have too is not lost: that would be damage.
    const needed = tasks.filter((each) => !bytes.includes(each)).flatMap((each) => blobs.get(each) ?? []);
    const kept = new Set(needed.map(({ hash }) => hash));
    for (const each of bytes) {
      for (const { digest } of Object.values(each.artifacts)) {
        if (!kept.has(digest.hash)) rmSync(store.paths.tree(digest.hash), { recursive: true, force: true });
      }
      for (const { hash } of blobs.get(each) ?? []) {
        if (kept.has(hash)) continue;
        for (const executable of [false, true]) rmSync(store.paths.blob(hash, executable), { force: true });
      }
    }
  };
  return Object.assign(yard, {
    project,
    store,
    targets,
    tasks,
    mirror,
    argv: (words: readonly string[]) => installed.argv(words, project),
    start: (words: readonly string[], more?: NodeJS.ProcessEnv) =>
      installed.start(words, project, { ...environment, ...more }),
    run: (argv: readonly string[], more?: NodeJS.ProcessEnv) => installed.run(argv, { ...environment, ...more }),
    forget,
    blobsOf: (artifact: Artifact) => filesOf(source, artifact).map(({ hash }) => hash),
    remove: async () => {
      installed.remove();
      await mirror.close();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

/** The events that a `--json` run has printed; what is no whole line is left out. */
export function eventsIn(running: Running): Event[] {
  return running
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Event);
}

/** Makes the targets, which must come out as they always do. Gives the events. */
export async function makeWell(yard: Yard, environment?: NodeJS.ProcessEnv): Promise<Event[]> {
  const running = yard.start(makeWords(yard, '--json'), environment);
  const code = await running.ended;
  expect(code, running.output()).toBe(0);
  await expectResults(yard);
  const events = eventsIn(running);
  const images = events.flatMap((event) => (event.type === 'image-ready' ? [event.sha256] : []));
  if (yard.targets.length === 0) expect(images).toEqual([imageOf(yard)]);
  return events;
}

/** The words that make the targets. */
export function makeWords({ targets }: Yard, ...more: string[]): string[] {
  return ['make', YARD_BOARD, ...targets, ...more];
}

/** The sha256 of the image of the whole board. */
export function imageOf(yard: Yard): string {
  return Object.values(taskOf(yard, `${YARD_BOARD}:disk`).artifacts)[0]?.digest.hash ?? '';
}

/** What the targets come to must be in the store as it always is, whole. */
export async function expectResults(yard: Yard): Promise<void> {
  for (const { artifacts, fingerprint } of yard.targets.map((id) => taskOf(yard, id))) {
    const trace = yard.store.trace(fingerprint, 'look');
    const found = [
      ...(trace?.files ?? []).map(({ digest }) => digest),
      ...(trace?.directories ?? []).map(({ root }) => root),
    ];
    const wanted = Object.values(artifacts);
    expect(found.map(({ hash }) => hash).sort()).toEqual(wanted.map(({ digest }) => digest.hash).sort());
    for (const artifact of wanted) expect(await bytesOf(yard.store, artifact)).toBeDefined();
  }
}

/** The processes that have something of a folder mounted, as every sandbox of a store has, or name it in their arguments. */
export function processesOf(folder: string): number[] {
  const tells = (pid: string, file: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  };
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return all.filter((pid) => tells(pid, 'mountinfo') || tells(pid, 'cmdline')).map(Number);
}

/** Waits until no process of the yard is left. */
export async function expectNoProcess(yard: Yard): Promise<void> {
  await expect.poll(() => processesOf(yard.store.paths.root), { timeout: 20_000, interval: 10 }).toEqual([]);
}

/** What must not be in a store when nobody is at work in it. */
export function leftoversIn({ store, project }: Yard): string[] {
  const { paths } = store;
  const names = (folder: string): string[] =>
    existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const output = names(join(project, 'output', YARD_BOARD)).filter((path) => path.endsWith('.part'));
  const unfinished = [paths.root, join(paths.root, 'recipes')]
    .flatMap(names)
    .filter((path) => /\.json\.\d+$/.test(path));
  return [...names(paths.temporary), ...names(paths.partials), ...names(paths.presence()), ...output, ...unfinished];
}

async function buildIn(project: string, store: Store, only: readonly string[]): Promise<YardTask[]> {
  const loaded = loadProject({ folder: project, installation: checkout, kinds: packageKinds });
  const plan = planBoard(loaded, YARD_BOARD);
  const events: Event[] = [];
  const folder = join(project, 'output', YARD_BOARD);
  const targets = only.length > 0 ? (only as TaskId[]) : plan.graph.targets;
  const result = await build(plan.graph, targets, {
    store,
    kinds: taskKinds,
    epoch: loaded.epoch,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    logs: join(folder, 'logs'),
    failed: (id) => join(folder, 'failed', id),
    history: new History(join(folder, 'history.json')),
    times: new Times(join(folder, 'times.json')),
  });
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('\n'));
  const fingerprints = new Map(
    events.flatMap((event) => (event.type === 'task-finished' ? [[event.task, event.fingerprint] as const] : [])),
  );
  return inOrder(plan.graph, targets).map((task) => ({
    task,
    artifacts: result.artifacts.get(task.id) ?? {},
    fingerprint: fingerprints.get(task.id) ?? ('' as Fingerprint),
  }));
}

/** The result of a task, and those bytes of it that others use; what is downloaded comes from the mirror. */
function copyTask(
  source: Store,
  store: Store,
  { task, artifacts, fingerprint }: YardTask,
  all: readonly YardTask[],
): void {
  if (fingerprint === '') return;
  copyFile(source.paths.trace(fingerprint), store.paths.trace(fingerprint));
  const kernel = task.id.startsWith('linux:');
  for (const [name, artifact] of Object.entries(artifacts)) {
    if (kernel && !isUsed(task.id, name, all)) continue;
    for (const { hash } of filesOf(source, artifact)) {
      for (const x of [false, true]) copyFile(source.paths.blob(hash, x), store.paths.blob(hash, x));
    }
  }
}

/** Whether anything but the kernel's own tasks has an artifact as its input. */
function isUsed(id: string, name: string, all: readonly YardTask[]): boolean {
  return all.some(
    ({ task }) =>
      !task.id.startsWith('linux:') &&
      Object.values(task.inputs).some((input) => input.from === 'task' && input.task === id && input.artifact === name),
  );
}

function copyFile(from: string, to: string): void {
  if (!existsSync(from) || existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { preserveTimestamps: true });
}

/** The blobs that an artifact consists of. */
function filesOf(store: Store, { type, digest }: Artifact): Digest[] {
  if (type === 'file') return [digest];
  const directory = rootDirectory(store, digest);
  if (directory === undefined) return [];
  const below = directory.directories.flatMap((each) => filesOf(store, { type: 'tree', digest: each.digest }));
  return [digest, ...directory.files.map((file) => file.digest), ...below];
}

/** What a mirror has, by the path of a request. */
function servedBytes(store: Store, tasks: readonly YardTask[]): (path: string) => Buffer | undefined {
  const files = new Map<string, Digest>();
  for (const { task } of tasks) {
    if (task.kind !== 'fetch') continue;
    for (const { path, sha256, size } of (task.params as FetchParams).files) {
      if (path !== undefined) files.set(`/${path}`, { hash: sha256, size });
    }
  }
  return (path) => {
    // The same below a path of one's own: for a second mirror.
    const digest = files.get(decodeURIComponent(path).replace(/^\/other\//, '/'));
    return digest && readFileSync(store.paths.blob(digest.hash));
  };
}
