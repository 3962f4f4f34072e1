import type { SourceLocation } from '../diagnostic.ts';
import type { BoardRecipe, CheckRecipe, EmulatorRecipe, ImageFormat, Permission, UserRecipe } from './schema.ts';
import type { BoardFileRecipe, ServiceRecipe } from './service.ts';

/**
 * The resolved project: what loading, extending and rendering the recipes ends in, and all that planning sees.
 * Types only.
 */

/**
 * A project whose recipes are read when they are first asked for. `loadProject` of `recipe/load.ts` makes one. Every
 * method throws a `Failure` that carries all diagnostics found.
 */
export interface Project {
  /** `project:` of pibuild.yaml, else the name of the folder. */
  readonly name: string;
  /** The user's own folder, absolute: `output/` is made here. */
  readonly root: string;
  /** Folders that hold `boards/`, `packages/`, `overlays/`: the user's own first, pibuild's last. */
  readonly roots: readonly string[];
  /** Seconds since 1970 that every built file is dated (`SOURCE_DATE_EPOCH`). */
  readonly epoch: number;
  /** A board and, so that all mistakes show in one run, every package that it names. The same object each time. */
  board(name: string): Board;
  /** A package; `askedBy` is the place that named it, for the diagnostic when there is none. The same object each time. */
  package(name: string, askedBy?: SourceLocation): Package;
  /** The names there are, sorted. Reads folders, so not for the way of a build. */
  names(what: 'boards' | 'packages' | 'overlays'): readonly string[];
}

export interface Package<Recipe = unknown> {
  readonly name: string;
  readonly kind: string;
  readonly summary: string;
  readonly version: string;
  readonly license: string;
  readonly depends: readonly string[];
  readonly permissions: readonly Permission[];
  /** Paths (globs) of its layer that take the place of what earlier layers bring. */
  readonly replace: readonly string[];
  readonly checks: readonly Check[];
  /** The validated recipe, with its strings rendered. */
  readonly recipe: Recipe;
  /** The package's folder, absolute. */
  readonly folder: string;
  /** Plain files of the folder, relative, sorted. */
  readonly files: readonly string[];
  /** The debs it was locked to, absent when it has none or was never locked. */
  readonly lock?: DebsLock;
  /** The place of a recipe value, for diagnostics and as the origin of inputs: `at('source', 'sha256')`. Of a default the nearest thing around it. */
  at(...path: readonly (string | number)[]): SourceLocation;
  /** The same, but undefined for a default. */
  written(...path: readonly (string | number)[]): SourceLocation | undefined;
}

export interface Board {
  readonly name: string;
  /** Whether it is only there for others to extend: nothing is built for it. */
  readonly abstract: boolean;
  readonly summary: string;
  readonly version: string;
  readonly arch: 'arm64';
  readonly hostname: string;
  /** The folder of this board, then of the ones it extends; a file is looked up in that order. */
  readonly folders: readonly string[];
  readonly timezone: string;
  readonly kernel: {
    readonly package: Located<string>;
    /** Absolute paths, in order: fragments of the kernel package and of the board. Each is there. */
    readonly fragments: readonly Located<string>[];
    readonly dtbs: readonly string[];
    readonly cmdline: readonly string[];
  };
  readonly packages: readonly Located<string>[];
  /** Kernel modules, in the order in which they are loaded. */
  readonly modules: readonly BoardModule[];
  /** Containers by when they run, each in the order in which they are written. */
  readonly services: readonly Service[];
  /** Files to add to the root. */
  readonly files: readonly BoardFile[];
  /** Folders to copy into the root, absolute, in order. */
  readonly overlays: readonly Overlay[];
  readonly config: readonly string[];
  /** Root first. */
  readonly users: ReadonlyMap<string, User>;
  /** Every group with its number: the system's own, the board's, one for each user. */
  readonly groups: ReadonlyMap<string, number>;
  readonly permissions: readonly Permission[];
  /** Paths (globs) of its overlays that take the place of what packages and earlier overlays bring. */
  readonly replace: readonly string[];
  readonly root: { readonly readonly: boolean };
  readonly image: {
    readonly size?: number;
    readonly table: 'mbr' | 'gpt';
    readonly formats: readonly ImageFormat[];
    readonly partitions: { readonly boot: Partition; readonly root: Partition; readonly data?: DataPartition };
  };
  readonly emulator?: Emulator;
  /** The board's own, then those of its packages in order. */
  readonly checks: readonly Check[];
  /**
   * What templates see: board, arch, version, timezone, hostname, kernel.package, kernel.version and the recipe's own
   * variables; those of overlays also `users`, `groups`, `root.readonly` and `partitions`.
   */
  readonly variables: Variables;
  /** What the recipes say, merged and rendered, before defaults. */
  readonly recipe: BoardRecipe;
  /** The place of a value of `recipe`. Of a default the nearest thing around it. */
  at(...path: readonly (string | number)[]): SourceLocation;
  /** The same, but undefined for a default. */
  written(...path: readonly (string | number)[]): SourceLocation | undefined;
}

/** What the strings of a recipe and the templates of an overlay may name. */
export type Variables = Readonly<Record<string, unknown>>;

export interface Located<T> {
  readonly value: T;
  readonly at: SourceLocation;
}

/** A container of a board. */
export interface Service {
  readonly name: string;
  /** `onboot` and `onshutdown` run to their end, `services` keep running. */
  readonly stage: 'onboot' | 'services' | 'onshutdown';
  /** The package of kind `service` that it is made of, and that its root comes from; absent: the board says it all. */
  readonly package?: Package;
  /** The package's keys with the board's laid over; `capabilities.add` and `binds.add` are already appended. */
  readonly recipe: ServiceRecipe;
  /** The place that says a value of `recipe`: in the board, or in the package. */
  at(...path: readonly (string | number)[]): SourceLocation;
  /** The absolute path of a file or folder beside the recipe that names it; undefined: there is none. */
  find(path: string): string | undefined;
}

/** A file, folder or link of a board's `files`. */
export interface BoardFile extends BoardFileRecipe {
  /** Absolute; of one with `source`. */
  readonly file?: string;
  readonly at: SourceLocation;
}

/** A kernel module that a board names. */
export interface BoardModule {
  readonly name: string;
  /** As text for modprobe: `chip_addr` to `0x50,0x51`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** At every start, or when something asks for it. */
  readonly load: 'boot' | 'demand';
  readonly at: SourceLocation;
}

export interface Overlay {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** The line of the board that names it. */
  readonly at: SourceLocation;
  /** Relative, sorted, with what each is. `template` files end in `.hbs` and lose that ending. */
  readonly entries: readonly OverlayEntry[];
}

export type OverlayEntry =
  | { readonly path: string; readonly type: 'folder' }
  | { readonly path: string; readonly type: 'file'; readonly executable: boolean }
  | { readonly path: string; readonly type: 'link'; readonly target: string }
  /** `text` is the rendered template. */
  | {
      readonly path: string;
      readonly type: 'template';
      readonly executable: boolean;
      readonly text: string;
      /** The template's file, absolute. */
      readonly file: string;
    };

/** A user with every default filled in. */
export interface User extends UserRecipe {
  readonly uid: number;
  readonly gid: number;
  readonly groups: string[];
  readonly home: string;
  readonly shell: string;
  readonly sshKeys: string[];
}

export interface Emulator extends Omit<EmulatorRecipe, 'memory' | 'machine'> {
  readonly machine: string;
  /** Bytes. */
  readonly memory?: number;
}

export interface Partition {
  readonly format: 'vfat' | 'ext4' | 'squashfs' | 'erofs';
  /** Bytes; absent: as large as its content. */
  readonly size?: number;
  readonly label: string;
}

/** What the system writes. */
export interface DataPartition extends Partition {
  /** Bytes, in the image. */
  readonly size: number;
  /** Whether it is made as large as the card allows when the board starts. */
  readonly grow: boolean;
}

export interface Check extends Omit<CheckRecipe, 'timeout' | 'retry' | 'set' | 'fault'> {
  /** Milliseconds, before scaling. */
  readonly timeout: number;
  /** Milliseconds; 0: one try. */
  readonly retry: number;
  /** What HATs measure while it runs: `enviro-phat.bmp280.temperature=85 °C`. */
  readonly set?: readonly Located<string>[];
  /** Chips that fail while it runs, and how. */
  readonly fault?: readonly Located<readonly [chip: string, words: string]>[];
  /** The board or package that declares it. */
  readonly owner: string;
  readonly at: SourceLocation;
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
  /** Of a userland: which set its base is (`Userland.variant`). */
  readonly variant?: string;
  /** The moment of locking, `YYYYMMDDTHHMMSSZ`: what the distribution's snapshot service is asked for. */
  readonly snapshot: string;
  readonly debs: readonly LockedDeb[];
}

export interface LockedDeb {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Which archive it is in; `other`: the one at `url`. */
  readonly archive: 'debian' | 'debian-security' | 'ubuntu' | 'ubuntu-ports' | 'other';
  /** Of an archive that a recipe names: its root, with a slash at the end. */
  readonly url?: string;
  /** The path below the archive's root. */
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Of a userland: it belongs to the set that the distribution cannot do without, which is installed first. */
  readonly base?: true;
}

/** `image.lock.json` beside a recipe: exactly which images of registries it is made of. */
export interface ImageLock {
  readonly format: 1;
  readonly images: readonly LockedImage[];
}

export interface LockedImage {
  /** As the recipe or the Dockerfile names it. When it names something else now, the lock is stale. */
  readonly reference: string;
  /** The one that was chosen out of an index: `linux/arm64`. */
  readonly platform: string;
  readonly manifest: LockedBlob;
  readonly config: LockedBlob;
  /** The base first. */
  readonly layers: readonly (LockedBlob & { readonly diffId: string })[];
}

/** A descriptor of the OCI Image Specification. */
export interface LockedBlob {
  readonly mediaType: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}
