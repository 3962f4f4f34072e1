import type { Task } from '../graph/task.ts';
import type { Board } from '../recipe/model.ts';
import type { Permission } from '../recipe/schema.ts';
import type { ArtifactRef } from './kind.ts';

/** A package's layer on its way into the root. */
export interface ImageLayer {
  /** The package's name. */
  readonly name: string;
  /** An uncompressed tar with owners and modes. */
  readonly ref: ArtifactRef;
  readonly permissions: readonly Permission[];
  /** Paths (globs) of this layer that may take the place of what an earlier layer brings. */
  readonly replace?: readonly string[];
}

/** A package's tree of files for the boot partition. */
export interface BootTree {
  readonly name: string;
  readonly ref: ArtifactRef;
}

export interface ImagePlan {
  readonly tasks: readonly Task[];
  /** The root as one canonical tar: `<board>:root`, `root`. */
  readonly root: ArtifactRef;
  /** The filesystem image of the root: `<board>:rootfs`, `rootfs`. */
  readonly rootfs: ArtifactRef;
  /** The filesystem image of the boot partition: `<board>:boot`, `boot`. */
  readonly boot: ArtifactRef;
  /** The card image: `<board>:disk`, `image`. */
  readonly image: ArtifactRef;
  /** Which blocks of it a card must hold: `<board>:bmap`, `bmap`. */
  readonly bmap: ArtifactRef;
  /** JSON: what is in the image, by layer: `<board>:manifest`, `manifest`. */
  readonly manifest: ArtifactRef;
}

/**
 * The tasks from layers to the card image. Overlays and accounts are made here, out of the board; they come after the
 * packages' layers. `tools` is a tree with mke2fs, squashfs-tools, dosfstools, mtools and genimage.
 */
export function planImage(
  _board: Board,
  _layers: readonly ImageLayer[],
  _boots: readonly BootTree[],
  _tools: ArtifactRef,
): ImagePlan {
  throw new Error('planImage is being written');
}
