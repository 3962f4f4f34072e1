import { appendFileSync, linkSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Diagnostic, Failure, fail } from '../diagnostic.ts';
import type { Artifact, Digest, Task } from '../graph/task.ts';
import type { BlobStore, TaskKind, Workspace } from '../kinds/kind.ts';
import { quote } from '../kinds/script.ts';
import { workFolder } from '../paths.ts';
import { commandEnvironment, SCRIPT, scriptArguments, scriptText } from './action.ts';
import { run } from './command.ts';
import { diskFull, isDiskFull } from './disk-full.ts';
import { sandboxProblem } from './host.ts';
import type { Jobserver } from './jobserver.ts';
import { type Bind, type Sandbox, sandboxed, tied } from './sandbox.ts';
import { type Store, writing } from './store.ts';
import { adoptTree } from './tree.ts';

/** One run of one task: its folders, its sandbox, its artifacts. */

export interface Execution {
  readonly task: Task;
  readonly kind: TaskKind<never>;
  /** A folder of its own below the store. */
  readonly scratch: string;
  /** Where each input lies, verified: a blob, or an unpacked tree. */
  readonly inputs: Readonly<Record<string, { readonly path: string; readonly type: 'file' | 'tree' }>>;
  /** The unpacked tools tree, of sandboxed tasks. */
  readonly tools?: string;
  /** The unpacked tree whose bubblewrap makes the sandbox. */
  readonly bubblewrap?: string;
  readonly epoch: number;
  readonly store: Store;
  readonly jobserver?: Jobserver;
  /** The compiler cache that the task gets if it wants one; absent: the store's. */
  readonly ccache?: string;
  readonly log: string;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
  readonly onProgress: (done: number, total?: number) => void;
}

/** The argv that runs a sandboxed task in its prepared folder. */
export function prepare(execution: Execution): { sandbox: Sandbox; argv: string[] } {
  const { scratch, kind, task, tools, bubblewrap, store, jobserver } = execution;
  if (!kind.command || tools === undefined || bubblewrap === undefined) throw new Error(`${task.id} has no command`);
  const spec = kind.command(task.params as never);
  const ccache = execution.ccache ?? store.paths.ccache;
  const work = join(scratch, 'work');
  layOut(execution, work);
  writing(() => writeFileSync(join(work, SCRIPT), scriptText(spec)));
  if (spec.ccache) writing(() => mkdirSync(ccache, { recursive: true }));
  const binds: Bind[] = [
    { source: work, target: workFolder, writable: true },
    { source: join(work, 'in'), target: join(workFolder, 'in') },
    ...trees(execution).map(([name, path]) => ({ source: path, target: join(workFolder, 'in', name) })),
    ...(spec.ccache ? [{ source: ccache, target: '/ccache', writable: true }] : []),
    ...(jobserver ? [{ source: jobserver.path, target: JOBSERVER, writable: true }] : []),
  ];
  const environment = {
    ...commandEnvironment(spec, execution.epoch),
    ...(spec.ccache ? { CCACHE_DIR: '/ccache' } : {}),
    ...(jobserver ? { MAKEFLAGS: jobserver.makeFlags(JOBSERVER) } : {}),
  };
  const sandbox: Sandbox = {
    bubblewrap,
    root: tools,
    binds,
    environment,
    folder: workFolder,
    network: false,
    sealed: !spec.namespaces,
  };
  return { sandbox, argv: sandboxed(sandbox, tied(scriptArguments)) };
}

/**
 * The argv for a person to paste, who runs the task again where it failed: it begins with what it began with, and without
 * the jobserver, which is gone when the build is.
 */
export function byHand(sandbox: Sandbox, task: Task): string[] {
  const { MAKEFLAGS, ...environment } = sandbox.environment;
  const binds = sandbox.binds.filter(({ target }) => target !== JOBSERVER);
  const jobs = MAKEFLAGS === undefined ? {} : { MAKEFLAGS: MAKEFLAGS.replace(/ .*/, '') };
  return sandboxed({ ...sandbox, binds, environment: { ...environment, ...jobs } }, again(task));
}

/** The command that does in a task's sandbox, whatever was done there before, what the task does. */
export function again({ outputs }: Task): string[] {
  const folders = [...new Set(Object.keys(outputs).map((name) => quote(dirname(join('out', name)))))];
  const steps = [`rm -rf -- !(in|${SCRIPT})`, `mkdir -p ${folders.join(' ')}`, `exec ${scriptArguments.join(' ')}`];
  return ['/usr/bin/bash', '-O', 'extglob', '-O', 'dotglob', '-ec', steps.join('; ')];
}

/** Where the jobserver's pipe is in the sandbox. */
const JOBSERVER = '/run/jobserver';

/** Runs a task that Node does; its artifacts are then below `out/`. */
export async function perform(execution: Execution): Promise<void> {
  mkdirSync(outFolder(execution), { recursive: true });
  await execution.kind.run?.(workspaceOf(execution), execution.task.params as never);
}

/** Runs the argv that `prepare` gave; the artifacts are then below `out/`. */
export async function execute(execution: Execution, argv: readonly string[]): Promise<void> {
  const { task } = execution;
  const last: string[] = [];
  const onLine = (line: string): void => {
    if (last.push(line) > REMEMBERED) last.shift();
    execution.onLine(line);
  };
  const ended = await run({ argv, tied: true, signal: execution.signal, log: execution.log, onLine });
  if (ended.cancelled) throw fail('task/cancelled', `${task.id} was cancelled`);
  if (ended.code === 0) return;
  const sandbox = sandboxProblem(last);
  if (sandbox) throw new Failure(sandbox);
  if (isDiskFull(last)) throw diskFull();
  const told = toldBy(last);
  if (told) throw new Failure({ severity: 'error', code: 'task/failed', ...told });
  const how = ended.signalled ? `was ended by ${ended.signalled}` : `failed with exit code ${ended.code}`;
  throw fail('task/failed', `${task.id} ${how}`);
}

/** Of a failing command's output, so many lines are looked at for what went wrong. */
const REMEMBERED = 40;

/**
 * What a script said of its own failure before it chose to exit: the last line `error: ...`, and the lines below it as
 * notes. Undefined when it said nothing, or when a command failed, which the ERR trap (`action.ts`) tells.
 */
function toldBy(lines: readonly string[]): Pick<Diagnostic, 'message' | 'notes'> | undefined {
  const at = lines.findLastIndex((line) => line.startsWith('error: '));
  if (at < 0 || lines.some((line, index) => index > at && line.startsWith('failed (exit '))) return undefined;
  const notes = lines.slice(at + 1).map((line) => ({ message: line.trim() }));
  return { message: (lines[at] as string).slice('error: '.length), ...(notes.length > 0 && { notes }) };
}

/** Moves what the task left below `out/` into the store. Every artifact must be there, and be what was declared. */
export async function collect(execution: Execution): Promise<Record<string, Artifact>> {
  const artifacts: Record<string, Artifact> = {};
  for (const [name, type] of Object.entries(execution.task.outputs)) {
    const path = artifactPath(execution, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) throw fail('task/no-artifact', `${execution.task.id} did not make its artifact '${name}'`);
    if (type === 'tree' ? !stat.isDirectory() : !stat.isFile()) {
      throw fail('task/wrong-artifact', `artifact '${name}' of ${execution.task.id} should be a ${type}`);
    }
    const executable = (stat.mode & 0o100) !== 0;
    if (type === 'tree') artifacts[name] = { type, digest: await adoptTree(execution.store, path) };
    else artifacts[name] = { type, digest: await execution.store.adopt(path, executable), executable };
  }
  return artifacts;
}

/** Where a task leaves an artifact. */
export function artifactPath(execution: Execution, name: string): string {
  return join(outFolder(execution), name);
}

function workspaceOf(execution: Execution): Workspace {
  const { task, scratch, epoch, signal } = execution;
  return {
    task,
    scratch,
    epoch,
    signal,
    input: (name) => {
      const input = execution.inputs[name];
      if (!input) throw new Error(`${task.id} has no input '${name}'`);
      return input.path;
    },
    output: (name) => {
      const path = artifactPath(execution, name);
      mkdirSync(dirname(path), { recursive: true });
      return path;
    },
    log: (line) => {
      appendFileSync(execution.log, `${line}\n`);
      execution.onLine(line);
    },
    progress: execution.onProgress,
    ...(task.pool === 'network' && { blobs: blobStore(execution.store) }),
  };
}

function blobStore(store: Store): BlobStore {
  return {
    find: (digest: Digest) => store.blob(digest),
    partial: (digest: Digest) => {
      const path = store.paths.partial(digest.hash);
      writing(() => mkdirSync(dirname(path), { recursive: true }));
      return path;
    },
    adopt: async (path: string, digest: Digest) => store.place(path, digest, false),
  };
}

function outFolder(execution: Execution): string {
  return join(execution.scratch, 'work', 'out');
}

/** Makes the folders of the work folder and links the input files into it; trees are bound over empty folders. */
function layOut(execution: Execution, work: string): void {
  writing(() => {
    mkdirSync(join(work, 'in'), { recursive: true });
    mkdirSync(join(work, 'out'), { recursive: true });
    for (const [name, input] of Object.entries(execution.inputs)) {
      const place = join(work, 'in', name);
      mkdirSync(input.type === 'tree' ? place : dirname(place), { recursive: true });
      if (input.type === 'file') {
        // It is there already where a failed task's work is entered again.
        rmSync(place, { force: true });
        linkSync(input.path, place);
      }
    }
    for (const name of Object.keys(execution.task.outputs))
      mkdirSync(dirname(join(work, 'out', name)), { recursive: true });
  });
}

function trees(execution: Execution): [string, string][] {
  return Object.entries(execution.inputs).flatMap(([name, input]) =>
    input.type === 'tree' ? [[name, input.path] as [string, string]] : [],
  );
}
