import { readFile, writeFile } from 'node:fs/promises';
import { Failure } from '../diagnostic.ts';
import { parseConfig } from '../kconfig/config.ts';
import { mergeRequests } from '../kconfig/fragment.ts';
import { parseKconfig } from '../kconfig/language.ts';
import { checkNeeded, type NeededOption } from '../kconfig/needed.ts';
import { checkDeclared, type Declared } from '../module/declared.ts';
import { moduleRules } from '../module/makefiles.ts';
import { KERNEL_KCONFIG, readArchive, readFragments } from './check-kconfig.ts';
import type { TaskKind, Workspace } from './kind.ts';

export interface CheckBoardModulesParams {
  readonly modules: readonly Declared[];
  /** What the board's packages make. */
  readonly packaged: readonly string[];
  /** The packages of kernel modules that the board does not have. */
  readonly packages: readonly string[];
  /** Kernel options that packages of the board cannot do without. */
  readonly options: readonly NeededOption[];
}

/**
 * Checks that there will be every module that a board names, and every option that its packages need, as soon as the
 * kernel is configured. Inputs as of
 * `check-kconfig`, and `makefiles`; artifact: `checked`, which says nothing. Fails with the diagnostics of `checkDeclared` and
 * `checkNeeded`.
 */
export const checkBoardModulesKind: TaskKind<CheckBoardModulesParams> = {
  kind: 'check-board-modules',
  revision: 2,
  run: check,
};

async function check(workspace: Workspace, params: CheckBoardModulesParams): Promise<void> {
  const requests = mergeRequests(await readFragments(workspace, 'kernel'));
  const { root, variables } = KERNEL_KCONFIG;
  const configured = {
    rules: moduleRules(await readArchive(workspace.input('makefiles'))),
    values: parseConfig(await readFile(workspace.input('config'), 'utf8')),
    model: parseKconfig(await readArchive(workspace.input('kconfig')), root, variables),
    requests: new Map(requests.map((request) => [request.symbol, request])),
  };
  const { values, model, requests: asked } = configured;
  const problems = [
    ...checkDeclared(params.modules, configured, params),
    ...checkNeeded(params.options, values, model, asked),
  ];
  if (problems.length > 0) throw new Failure(...problems);
  await writeFile(workspace.output('checked'), '');
}
