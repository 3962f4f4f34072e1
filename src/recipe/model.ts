import type { SourceLocation } from '../diagnostic.ts';
import type { BoardRecipe, CheckRecipe, Permission, UserRecipe } from './schema.ts';

/**
 * The resolved project: what loading, extending and rendering the recipes ends in, and all that planning sees.
 * Types only.
 */

export interface Project {
  /** Folders that hold `boards/`, `packages/`, `overlays/`: the user's own first, pibuild's last. */
  readonly roots: readonly string[];
  /** Seconds since 1970 that every built file is dated (`SOURCE_DATE_EPOCH`). */
  readonly epoch: number;
  /** Every package's recipe, by name. */
  readonly packages: ReadonlyMap<string, Package>;
  /** The names of all boards. */
  readonly boards: readonly string[];
}

export interface Package<Recipe = unknown> {
  readonly name: string;
  readonly kind: string;
  readonly summary: string;
  readonly version: string;
  readonly license: string;
  readonly depends: readonly string[];
  readonly permissions: readonly Permission[];
  readonly checks: readonly Check[];
  /** The validated recipe, with its strings rendered. */
  readonly recipe: Recipe;
  /** The package's folder, absolute. */
  readonly folder: string;
  /** Plain files of the folder, relative, sorted. */
  readonly files: readonly string[];
  /** The debs it was locked to, absent when it has none or was never locked. */
  readonly lock?: DebsLock;
  /** The place of a recipe value, for diagnostics and as the origin of inputs: `at('source', 'sha256')`. */
  at(...path: readonly (string | number)[]): SourceLocation;
}

export interface Board {
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  readonly arch: 'arm64';
  readonly hostname: string;
  /** The folder of this board, then of the ones it extends; a file is looked up in that order. */
  readonly folders: readonly string[];
  readonly kernel: {
    readonly package: string;
    readonly fragments: readonly Located<string>[];
    readonly dtbs: readonly string[];
    readonly cmdline: readonly string[];
  };
  readonly packages: readonly Located<string>[];
  /** Folders to copy into the root, absolute, in order. */
  readonly overlays: readonly Overlay[];
  readonly config: readonly string[];
  readonly users: ReadonlyMap<string, UserRecipe>;
  readonly groups: ReadonlyMap<string, number>;
  readonly permissions: readonly Permission[];
  readonly root: { readonly readonly: boolean };
  readonly image: {
    readonly size?: number;
    readonly partitions: { readonly boot: Partition; readonly root: Partition };
  };
  readonly emulator?: NonNullable<BoardRecipe['emulator']>;
  readonly checks: readonly Check[];
  /** What templates see: board, hostname, version, users, and the recipe's own variables. */
  readonly variables: Readonly<Record<string, unknown>>;
  at(...path: readonly (string | number)[]): SourceLocation;
}

export interface Located<T> {
  readonly value: T;
  readonly at: SourceLocation;
}

export interface Overlay {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** Relative, sorted, with what each is. `template` files end in `.hbs` and lose that ending. */
  readonly entries: readonly OverlayEntry[];
}

export type OverlayEntry =
  | { readonly path: string; readonly type: 'folder' }
  | { readonly path: string; readonly type: 'file'; readonly executable: boolean }
  | { readonly path: string; readonly type: 'link'; readonly target: string }
  /** `text` is the rendered template. */
  | { readonly path: string; readonly type: 'template'; readonly executable: boolean; readonly text: string };

export interface Partition {
  readonly format: 'vfat' | 'ext4' | 'squashfs';
  /** Bytes; absent: as large as its content. */
  readonly size?: number;
  readonly label: string;
}

export interface Check extends Omit<CheckRecipe, 'timeout' | 'retry'> {
  /** Milliseconds, before scaling. */
  readonly timeout: number;
  /** Milliseconds; 0: one try. */
  readonly retry: number;
  /** The board or package that declares it. */
  readonly owner: string;
}

/** `debs.lock.json` beside a package: exactly which .debs it is made of. */
export interface DebsLock {
  readonly format: 1;
  /** Which distribution and suites they were resolved in. */
  readonly distribution: 'debian' | 'ubuntu';
  readonly suites: readonly string[];
  readonly architecture: string;
  /** What the recipe asked for when it was locked: when the recipe asks for something else now, the lock is stale. */
  readonly requested: readonly string[];
  /** The moment of locking, `YYYYMMDDTHHMMSSZ`: what the distribution's snapshot service is asked for. */
  readonly snapshot: string;
  readonly debs: readonly LockedDeb[];
}

export interface LockedDeb {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Which archive it is in. */
  readonly archive: 'debian' | 'debian-security' | 'ubuntu' | 'ubuntu-ports';
  /** The path below the archive's root. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}
