import { autotoolsKind } from './autotools.ts';
import { bmapKind } from './bmap.ts';
import { bootFilesKind } from './boot-files.ts';
import { checkBoardModulesKind } from './check-board-modules.ts';
import { checkKconfigKind } from './check-kconfig.ts';
import { checkModuleKind } from './check-module.ts';
import { commandKind } from './command.ts';
import { debsKind } from './debs.ts';
import { fetchKind } from './fetch.ts';
import { fetchGitKind } from './fetch-git.ts';
import { goKind } from './go.ts';
import { hatKind } from './hat.ts';
import { imageLayoutKind } from './image-layout.ts';
import { installDebsKind } from './install-debs.ts';
import { kconfigKind } from './kconfig.ts';
import { kernelKind } from './kernel.ts';
import { kernelModuleKind } from './kernel-module.ts';
import type { PackageKind, TaskKind } from './kind.ts';
import { layerKind } from './layer.ts';
import { listModulesKind } from './list-modules.ts';
import { makeKind } from './make.ts';
import { manifestKind } from './manifest.ts';
import { mergeLayersKind } from './merge-layers.ts';
import { packImageKind } from './root-packages.ts';
import { serviceKind } from './service.ts';
import { serviceBundleKind } from './service-bundle.ts';
import { serviceLayerKind } from './service-layer.ts';
import { toolsKind } from './tools.ts';
import { unpackDebsKind } from './unpack-debs.ts';
import { userlandKind } from './userland.ts';

/** The kinds of packages, by the word that `kind:` in a package.yaml uses. */
export const packageKinds: ReadonlyMap<string, PackageKind<never>> = new Map<string, PackageKind<never>>(
  [
    toolsKind,
    debsKind,
    kernelKind,
    kernelModuleKind,
    kconfigKind,
    makeKind,
    autotoolsKind,
    goKind,
    hatKind,
    serviceKind,
    userlandKind,
  ].map((kind) => [kind.kind, kind as PackageKind<never>]),
);

/** How tasks are run, by `Task.kind`. */
export const taskKinds: ReadonlyMap<string, TaskKind<never>> = new Map<string, TaskKind<never>>(
  [
    commandKind,
    fetchKind,
    fetchGitKind,
    unpackDebsKind,
    installDebsKind,
    checkKconfigKind,
    checkModuleKind,
    checkBoardModulesKind,
    listModulesKind,
    imageLayoutKind,
    layerKind,
    mergeLayersKind,
    packImageKind,
    serviceBundleKind,
    serviceLayerKind,
    bootFilesKind,
    bmapKind,
    manifestKind,
  ].map((kind) => [kind.kind, kind as TaskKind<never>]),
);
