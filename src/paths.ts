import { homedir, userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './diagnostic.ts';

/** pibuild's own folder: where its built-in boards, packages and overlays are. */
export const installation: string = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Where a task's own folder is in its sandbox: `in/`, `out/` and all that it makes are below it. REAPI calls it the working
 * directory. Nothing outside of a sandbox is meant by it.
 */
export const workFolder = '/work';

/** Every folder of a project. No other file joins these names. */
export class ProjectPaths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get boards(): string {
    return join(this.root, 'boards');
  }
  get packages(): string {
    return join(this.root, 'packages');
  }
  get overlays(): string {
    return join(this.root, 'overlays');
  }
  get projectFile(): string {
    return join(this.root, 'pibuild.yaml');
  }
  /** What the last build of a board left for people: images, logs, reports. */
  output(board: string): string {
    return join(this.root, 'output', board);
  }
  logs(board: string): string {
    return join(this.output(board), 'logs');
  }
  /** What the serial console printed in the last `run` or `test`. */
  serialLog(board: string, verb: 'run' | 'test'): string {
    return join(this.logs(board), `${verb}-serial.log`);
  }
  /** The card image of the last build. Its checksum, block map and list of contents lie beside it. */
  image(board: string): string {
    return join(this.output(board), `${board.replaceAll('/', '-')}.img`);
  }
  checksum(board: string): string {
    return `${this.image(board)}.sha256`;
  }
  blockMap(board: string): string {
    return `${this.image(board)}.bmap`;
  }
  manifest(board: string): string {
    return this.image(board).replace(/img$/, 'manifest.json');
  }
  /** The image in another format, by the ending of its file: `img.zst`. */
  format(board: string, ending: string): string {
    return this.image(board).replace(/img$/, ending);
  }
  /** What a guest wrote that `pibuild run --persist` keeps. */
  keptCard(board: string): string {
    return this.image(board).replace(/img$/, 'kept.qcow2');
  }
  /** Which image that card was made over. */
  keptCardNote(board: string): string {
    return `${this.keptCard(board)}.json`;
  }
  /** Kernel modules that `pibuild module` built for a board. */
  modules(board: string): string {
    return join(this.output(board), 'modules');
  }
  /** What `pibuild module` leaves for a kernel that is no board's: the lock of its headers, and modules. */
  kernel(name: string): string {
    return join(this.root, 'output', 'kernels', name);
  }
  /** What files beside the image were copied from, so that they are copied again only when they changed. */
  copies(board: string): string {
    return join(this.output(board), '.copies.json');
  }
}

/** Every folder of the store. No other file joins these names. */
export class StorePaths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Content-addressed blobs; `executable` ones apart, since a hard link shares its mode. */
  blob(hash: string, executable = false): string {
    return join(this.blobs(executable), hash.slice(0, 2), hash);
  }
  blobs(executable = false): string {
    return join(this.root, executable ? 'cas-x' : 'cas');
  }
  /** Traces: ActionResults by the digest of their Action. */
  trace(fingerprint: string): string {
    return join(this.traces, fingerprint.slice(0, 2), fingerprint);
  }
  get traces(): string {
    return join(this.root, 'ac');
  }
  /** Trees unpacked for use, by the digest of their root Directory; hard links into the blobs. */
  tree(hash: string): string {
    return join(this.trees, hash);
  }
  get trees(): string {
    return join(this.root, 'trees');
  }
  /** Unfinished downloads, by the hash they will have. */
  partial(hash: string): string {
    return join(this.partials, hash);
  }
  get partials(): string {
    return join(this.root, 'partial');
  }
  /** What parsing the recipes of a project gave, by the hash of its folder; never needed. */
  recipes(project: string): string {
    return join(this.root, 'recipes', `${project}.json`);
  }
  get temporary(): string {
    return join(this.root, 'tmp');
  }
  /** The temporary folder of one process. */
  temporaryOf(session: string): string {
    return join(this.root, 'tmp', session);
  }
  /** Marks of the processes at work; without a session the folder of them. */
  presence(session = ''): string {
    return join(this.root, 'present', session);
  }
  get ccache(): string {
    return join(this.root, 'ccache');
  }
  /** What each task was made of the last time, for `pibuild why`; never needed for a build. */
  history(project: string, task: string): string {
    return join(this.root, 'history', project, `${task.replaceAll('/', '+')}.json`);
  }
  /** The half-done work of a task that failed, kept until it runs again. */
  failed(project: string, task: string): string {
    return join(this.failures, project, task.replaceAll('/', '+'));
  }
  get failures(): string {
    return join(this.root, 'failed');
  }
  /** How long tasks took, for scheduling. */
  get times(): string {
    return join(this.root, 'times.json');
  }
}

/** Where the store is: `PIBUILD_STORE`, else `$XDG_CACHE_HOME/pibuild`, else `~/.cache/pibuild`. */
export function storeRoot(environment: NodeJS.ProcessEnv, folder: string): string {
  const named = environment.PIBUILD_STORE;
  if (named) return isAbsolute(named) ? named : resolve(folder, named);
  const cache = environment.XDG_CACHE_HOME;
  if (cache && isAbsolute(cache)) return join(cache, 'pibuild');
  return join(homeFolder(), '.cache', 'pibuild');
}

/** The home folder, also where HOME is not set. Throws a `Failure` for a user whom this machine does not know. */
function homeFolder(): string {
  try {
    return homedir() || userInfo().homedir;
  } catch {
    throw fail(
      'cli/no-home',
      'there is no home folder for the store',
      'set PIBUILD_STORE to a folder you can write to',
    );
  }
}
