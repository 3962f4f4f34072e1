import { readFile, writeFile } from 'node:fs/promises';
import { Failure, type SourceLocation } from '../diagnostic.ts';
import { fileSource, tarMembers } from '../image/tar-reader.ts';
import type { Declared } from '../module/declared.ts';
import { type ListedModule, listModules, loadList, parameterLines } from '../module/list.ts';
import { moduleKey } from '../module/module-info.ts';
import type { TaskKind, Workspace } from './kind.ts';

export interface ListModulesParams {
  readonly modules: readonly (Declared & { readonly load: 'boot' | 'demand' })[];
  readonly packages: readonly {
    readonly name: string;
    readonly modules: readonly { readonly name: string; readonly input: string; readonly at: SourceLocation }[];
    readonly supersedes: readonly string[];
  }[];
}

/**
 * Looks at the modules that were built: whether those that the board names are there and have the parameters it gives, and
 * whether any is there twice. Artifacts: `load`, the names to load at start, and `modprobe`, the parameters. Done by Node.
 *
 * Fails with the diagnostics of `listModules`.
 */
export const listModulesKind: TaskKind<ListModulesParams> = {
  kind: 'list-modules',
  revision: 1,
  run: list,
};

async function list(workspace: Workspace, { modules, packages }: ListModulesParams): Promise<void> {
  const wanted = new Set(modules.map(({ name }) => moduleKey(name)));
  const packaged = packages.flatMap(({ name: owner, modules: own, supersedes }) =>
    own.map(async ({ name, input, at }): Promise<ListedModule> => {
      const bytes = await readFile(workspace.input(input));
      return { name, path: `package '${owner}'`, bytes: () => bytes, at, supersedes };
    }),
  );
  const kernel = fileSource(workspace.input('kernel'));
  try {
    const own = [...tarMembers(kernel)].flatMap(({ path, size, offset }): ListedModule[] => {
      const name = /([^/]+)\.ko$/.exec(path)?.[1];
      if (name === undefined) return [];
      const bytes = () => {
        const content = Buffer.alloc(size);
        kernel.read(content, offset);
        return content;
      };
      return [{ name, path: path.replace(/^\.\//, ''), bytes }];
    });
    const problems = listModules(modules, await Promise.all(packaged), own);
    if (problems.length > 0) throw new Failure(...problems);
    workspace.log(
      `${own.length} modules of the kernel, ${packaged.length} of packages, ${wanted.size} named by the board`,
    );
  } finally {
    kernel.close();
  }
  await writeFile(workspace.output('load'), loadList(modules));
  await writeFile(workspace.output('modprobe'), parameterLines(modules));
}
