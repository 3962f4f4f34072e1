import {
  type Command,
  type Directory,
  type DirectoryNode,
  digestOf,
  encodeAction,
  encodeCommand,
  encodeDirectory,
  type FileNode,
} from './reapi.ts';
import type { Artifact, Digest, Fingerprint } from './task.ts';

/**
 * A task's identity: the digest of its canonical REAPI Action. The input root is the tools tree merged with the
 * folder `work/`, where the inputs are.
 */
export interface IdentifiedAction {
  readonly fingerprint: Fingerprint;
  readonly command: Command;
  readonly inputRoot: Digest;
  /** The encoded Action, Command and Directories (but for those of the tools tree), by hash: what a remote engine needs. */
  readonly messages: ReadonlyMap<string, Uint8Array>;
}

export interface ActionParts {
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly platform: Readonly<Record<string, string>>;
  /** Paths below `work/` that the command leaves. */
  readonly outputPaths: readonly string[];
  /** What lies below `work/` beforehand, by path. */
  readonly files: Readonly<Record<string, Artifact>>;
  /** The root folder of the tools tree; absent: the input root is `work/` alone. */
  readonly tools?: Directory;
  /** Kind and revision: what else tells the action apart. */
  readonly salt: string;
}

export function identify(parts: ActionParts): IdentifiedAction {
  const messages = new Map<string, Uint8Array>();
  const keep = (bytes: Uint8Array): Digest => {
    const digest = digestOf(bytes);
    messages.set(digest.hash, bytes);
    return digest;
  };
  const command: Command = {
    arguments: parts.arguments,
    environment: parts.environment,
    platform: parts.platform,
    workingDirectory: 'work',
    outputPaths: parts.outputPaths,
  };
  const work = folderDigest(folderOf(parts.files), keep);
  const inputRoot = keep(encodeDirectory(withFolder(parts.tools, { name: 'work', digest: work })));
  const action = keep(
    encodeAction({ command: keep(encodeCommand(command)), inputRoot, salt: parts.salt, platform: parts.platform }),
  );
  return { fingerprint: action.hash as Fingerprint, command, inputRoot, messages };
}

/** The tree that files and trees make by their paths: the digest of its root, and the Directory messages it consists of. */
export function treeDigest(files: Readonly<Record<string, Artifact>>): {
  root: Digest;
  directories: ReadonlyMap<string, Uint8Array>;
} {
  const directories = new Map<string, Uint8Array>();
  const root = folderDigest(folderOf(files), (bytes) => {
    const digest = digestOf(bytes);
    directories.set(digest.hash, bytes);
    return digest;
  });
  return { root, directories };
}

function withFolder(root: Directory | undefined, folder: DirectoryNode): Directory {
  const others = (root?.directories ?? []).filter((node) => node.name !== folder.name);
  return { files: root?.files ?? [], symlinks: root?.symlinks ?? [], directories: [...others, folder] };
}

/** A folder being put together: names to artifacts or further folders. */
type Folder = Map<string, Artifact | Folder>;

function folderOf(files: Readonly<Record<string, Artifact>>): Folder {
  const root: Folder = new Map();
  for (const [path, artifact] of Object.entries(files)) {
    const names = path.split('/');
    let folder = root;
    for (const name of names.slice(0, -1)) {
      const next = folder.get(name) ?? new Map();
      if (!(next instanceof Map)) throw new Error(`input '${path}' lies inside another input`);
      folder.set(name, next);
      folder = next;
    }
    folder.set(names[names.length - 1] as string, artifact);
  }
  return root;
}

function folderDigest(folder: Folder, keep: (bytes: Uint8Array) => Digest): Digest {
  const files: FileNode[] = [];
  const directories: DirectoryNode[] = [];
  for (const [name, entry] of folder) {
    if (entry instanceof Map) directories.push({ name, digest: folderDigest(entry, keep) });
    else if (entry.type === 'tree') directories.push({ name, digest: entry.digest });
    else files.push({ name, digest: entry.digest, executable: entry.executable });
  }
  return keep(encodeDirectory({ files, directories, symlinks: [] }));
}
