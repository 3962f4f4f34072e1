import type { Input, Task, TaskId } from '../graph/task.ts';
import type { Board } from '../recipe/model.ts';
import type { Permission } from '../recipe/schema.ts';
import { planAccounts } from './accounts.ts';
import { planBmap } from './bmap.ts';
import { type BootTree, planBoot } from './boot.ts';
import { artifact } from './command.ts';
import { diskLayout, planDisk, rootPartitionId } from './disk.ts';
import { type FormatPlan, planFormats, type ToolsByName } from './formats.ts';
import type { ArtifactRef } from './kind.ts';
import { planManifest } from './manifest.ts';
import { type MergeParams, mergeLayersKind } from './merge-layers.ts';
import { planOverlay } from './overlay.ts';
import { planData, planRootfs } from './rootfs.ts';

export type { BootTree } from './boot.ts';

/** A package's layer on its way into the root. */
export interface ImageLayer {
  /** The package's name. */
  readonly name: string;
  /** An uncompressed tar with owners and modes. */
  readonly ref: ArtifactRef;
  readonly permissions: readonly Permission[];
  /** Paths (globs) of this layer that may take the place of what an earlier layer brings. */
  readonly replace?: readonly string[];
  /** Whose recipe says so (default: the package's). */
  readonly recipe?: string;
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
  /** What the board asks for beside these. */
  readonly formats: FormatPlan['files'];
}

/**
 * The tasks from layers to the card image. Overlays and accounts are made here, out of the board; they come after the
 * packages' layers. `toolsByName` gives tools trees, of which `tools/image` has most. Throws a `Failure`.
 */
export function planImage(
  board: Board,
  layers: readonly ImageLayer[],
  boots: readonly BootTree[],
  toolsByName: ToolsByName,
): ImagePlan {
  const tools = toolsByName('tools/image');
  const formats = planFormats(board, toolsByName);
  const layout = diskLayout(board);
  const overlays = board.overlays.map((overlay) => ({ overlay, task: planOverlay(board.name, overlay) }));
  const accounts = planAccounts(board);
  const all: RecipeLayer[] = [
    ...layers.map((layer) => ({ ...layer, recipe: layer.recipe ?? `package '${layer.name}'` })),
    ...overlays.map(({ overlay, task }) => ownLayer(board, `overlays/${overlay.name}`, task)),
    ownLayer(board, 'accounts', accounts),
  ];
  return {
    tasks: [
      ...overlays.map(({ task }) => task),
      accounts,
      mergeTask(board, all, board.image.partitions.root.format === 'ext4' ? layout.root : undefined),
      planRootfs(
        board,
        layout.root,
        board.image.partitions.root.format === 'erofs' ? toolsByName('tools/erofs') : tools,
      ),
      ...(layout.data === undefined ? [] : [planData(board, layout.data, tools)]),
      ...planBoot(board, boots, layout.boot, `PARTUUID=${rootPartitionId(board)}`, tools),
      planDisk(board, layout, tools),
      planBmap(board.name),
      planManifest(board),
      ...formats.tasks,
    ],
    formats: formats.files,
    root: artifact(`${board.name}:root`, 'root'),
    rootfs: artifact(`${board.name}:rootfs`, 'rootfs'),
    boot: artifact(`${board.name}:boot`, 'boot'),
    image: artifact(`${board.name}:disk`, 'image'),
    bmap: artifact(`${board.name}:bmap`, 'bmap'),
    manifest: artifact(`${board.name}:manifest`, 'manifest'),
  };
}

/** A layer with the recipe that decides about it. */
interface RecipeLayer extends ImageLayer {
  readonly recipe: string;
}

function ownLayer(board: Board, name: string, task: Task): RecipeLayer {
  const { replace } = board;
  return { name, ref: artifact(task.id, 'layer'), permissions: [], replace, recipe: `board '${board.name}'` };
}

function mergeTask(board: Board, layers: readonly RecipeLayer[], ext4: number | undefined): Task {
  // Names may hold slashes, and one may begin with another: `ubuntu` and `ubuntu/python` cannot both be paths.
  const inputOf = (layer: ImageLayer) => `layers/${layer.name.replaceAll('/', '+')}`;
  const params: MergeParams = {
    layers: layers.map((layer) => ({
      name: layer.name,
      input: inputOf(layer),
      permissions: layer.permissions,
      replace: layer.replace ?? [],
      recipe: layer.recipe,
    })),
    permissions: board.permissions,
    ...(ext4 !== undefined && { ext4 }),
  };
  return {
    id: `${board.name}:root` as TaskId,
    kind: mergeLayersKind.kind,
    title: 'merge the layers into the root',
    params: JSON.parse(JSON.stringify(params)),
    inputs: Object.fromEntries(layers.map((layer): [string, Input] => [inputOf(layer), layer.ref])),
    outputs: { root: 'file', contents: 'file', largest: 'file' },
    pool: 'disk',
  };
}
