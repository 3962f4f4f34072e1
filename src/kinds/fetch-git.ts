import { setTimeout as delay } from 'node:timers/promises';
import { filesOf, GitError, type GitFile, readPack } from '../archive/git-pack.ts';
import { fetchCommit } from '../archive/git-server.ts';
import { type HttpClient, openHttpClient } from '../archive/transfer.ts';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import { digestOf } from '../graph/reapi.ts';
import type { Task, TaskId } from '../graph/task.ts';
import { encodeHeader, endOfArchive, noXattrs, padding } from '../image/tar.ts';
import type { GitSourceRecipe } from '../recipe/schema.ts';
import { artifact } from './command.ts';
import { keepBytes, linkOrCopy } from './fetch.ts';
import type { ArtifactRef, TaskKind, Workspace } from './kind.ts';

/** What a `fetch-git` task fetches, and the archive that it must become. */
export type FetchGitParams = Pick<GitSourceRecipe, 'git' | 'commit' | 'sha256' | 'size'>;

/**
 * A commit out of a git repository, by git's own protocol, as a tar in one form: who has the commit has the same bytes,
 * whatever version of git there is. It is checked twice, by the names of git's objects and by the recipe's sha256, which
 * makes the result known before it runs, as that of `fetch` is.
 */
export const fetchGitKind: TaskKind<FetchGitParams> = {
  kind: 'fetch-git',
  revision: 1,
  known: ({ sha256, size }) => ({
    artifacts: { file: { type: 'file', digest: { hash: sha256, size }, executable: false } },
    directories: new Map(),
  }),
  run: fetchGit,
};

/** The task that fetches a source out of git, and its artifact: a tar of the commit's files. */
export function fetchGitSource(id: string, source: GitSourceRecipe): { task: Task; file: ArtifactRef } {
  const { git, commit, sha256, size } = source;
  const task: Task = {
    id: id as TaskId,
    kind: fetchGitKind.kind,
    title: `fetch ${commit.slice(0, 12)} of ${new URL(git).pathname.split('/').at(-1)}`,
    params: { git, commit, sha256, size },
    inputs: {},
    outputs: { file: 'file' },
    pool: 'network',
    expected: 10,
  };
  return { task, file: artifact(id, 'file') };
}

async function fetchGit(workspace: Workspace, params: FetchGitParams): Promise<void> {
  const { sha256, size } = params;
  const found =
    (await workspace.blobs?.find({ hash: sha256, size })) ??
    (await keepBytes(workspace, await archiveOf(workspace, params)));
  await linkOrCopy(found, workspace.output('file'));
}

/** The archive, as the recipe wants it. Throws a `Failure`. */
async function archiveOf(workspace: Workspace, { git, commit, sha256, size }: FetchGitParams): Promise<Buffer> {
  const files = await tried(workspace, git, commit);
  const archive = tarOf(files, workspace, git);
  const digest = digestOf(archive);
  if (digest.hash === sha256 && digest.size === size) return archive;
  throw new Failure({
    severity: 'error',
    code: 'git/hash',
    message: `commit ${commit} of ${git} is not the archive that the recipe says`,
    hint: `if this is what you want, write sha256: ${digest.hash}, size: ${digest.size}`,
  });
}

/** Answers that are the same the next time. */
const LASTING = /answered 4\d\d|the server said|no git repository|does not speak/;

/** How often a server that does not answer as it should is asked, and what is waited in between (milliseconds). */
const TRIES = 3;
const PAUSE = 2000;

async function tried(workspace: Workspace, git: string, commit: string): Promise<GitFile[]> {
  const client = await openHttpClient({ connect: 15_000, stall: 60_000 });
  try {
    for (let time = 1; ; time++) {
      try {
        return await filesFrom(client, workspace, git, commit);
      } catch (error) {
        workspace.signal.throwIfAborted();
        if (!(error instanceof GitError)) throw error;
        workspace.log(`${git}: ${error.message}`);
        if (time === TRIES || LASTING.test(error.message)) throw new Failure(notFetched(git, commit, error.message));
        await delay(PAUSE * time, undefined, { signal: workspace.signal });
      }
    }
  } finally {
    await client.close();
  }
}

async function filesFrom(client: HttpClient, workspace: Workspace, git: string, commit: string): Promise<GitFile[]> {
  const pack = await fetchCommit(client, git, commit, workspace.signal, (bytes) => workspace.progress(bytes));
  return filesOf(readPack(pack), commit);
}

function notFetched(git: string, commit: string, why: string): Diagnostic {
  const diagnostic = { severity: 'error', code: 'git/not-fetched', message: `cannot fetch ${git}: ${why}` } as const;
  const unknown = /not our ref|did not send|upload-pack: not/.test(why);
  return { ...diagnostic, ...(unknown && { hint: `is ${commit} a commit of this repository?` }) };
}

function tarOf(files: readonly GitFile[], workspace: Workspace, git: string): Buffer {
  const parts: Buffer[] = [];
  for (const { path, type, executable, data } of files) {
    if (type === 'submodule') {
      workspace.log(`${git}: '${path}' is a submodule, which is left out: it takes a package of its own`);
      continue;
    }
    const link = type === 'symlink';
    const size = link ? 0 : data.length;
    const target = link ? data.toString('utf8') : '';
    const mode = link ? 0o777 : executable ? 0o755 : 0o644;
    parts.push(encodeHeader({ path: `./${path}`, type, mode, uid: 0, gid: 0, size, target, xattrs: noXattrs }, 0));
    if (!link) parts.push(data, Buffer.alloc(padding(size)));
  }
  return Buffer.concat([...parts, endOfArchive]);
}
