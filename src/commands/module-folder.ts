import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail } from '../diagnostic.ts';
import { packageKinds } from '../kinds/index.ts';
import { moduleRules } from '../module/makefiles.ts';
import { displayPath, filesBelow, isFolder, readIfThere } from '../recipe/files.ts';
import type { Package, Project } from '../recipe/model.ts';
import { loadPackage } from '../recipe/package.ts';

/** Whether a word of the command line means a folder, and not a package. */
export function isFolderWord(word: string): boolean {
  return /^(\.{0,2}\/|\.{1,2}$|~)/.test(word);
}

/**
 * The package of kernel modules that a folder anywhere is: of its package.yaml, or else of its Kbuild or Makefile, as
 * somebody who never heard of recipes has it.
 *
 * @throws Failure `module/no-source`, and those of reading a recipe
 */
export function packageInFolder(folder: string, cwd: string): Package {
  if (!isFolder(folder)) throw fail('module/no-source', `there is no folder '${folder}'`);
  const reading = { display: (file: string) => displayPath(file, cwd) };
  const file = join(folder, 'package.yaml');
  const written = readIfThere(file);
  const found = { root: folder, folder, file };
  if (written) return loadPackage(basename(folder), { ...found, bytes: written }, packageKinds, reading);
  const modules = modulesIn(folder);
  if (modules.length === 0) {
    const hint = 'a Kbuild there says what is made of what: obj-m := name.o';
    throw fail('module/no-source', `there is no source of a kernel module in '${reading.display(folder)}'`, hint);
  }
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  const recipe = `package: ${name}\nkind: kernel-module\nmodules: [${modules.join(', ')}]\n`;
  const pack = loadPackage(name, { ...found, bytes: Buffer.from(recipe) }, packageKinds, reading);
  // What stands nowhere has no line.
  const place = { file: reading.display(folder), line: 1, column: 1 };
  return Object.create(pack, { at: { value: () => place }, written: { value: () => undefined } });
}

/** The project with one more package. */
export function withPackage(project: Project, pack: Package): Project {
  const named: Project['package'] = (name, askedBy) => (name === pack.name ? pack : project.package(name, askedBy));
  return Object.create(project, { package: { value: named } });
}

/** kbuild takes Kbuild where there is one. Without either, one .c file is one module, and several are one of the folder's name. */
function modulesIn(folder: string): string[] {
  for (const file of ['Kbuild', 'Makefile']) {
    const bytes = readIfThere(join(folder, file));
    if (bytes === undefined) continue;
    const rules = moduleRules(new Map([[file, readFileSync(join(folder, file), 'utf8')]]));
    if (rules.length > 0) return [...new Set(rules.map(({ module }) => module))];
  }
  const sources = filesBelow(folder).filter((path) => /^[^/]+(?<!\.mod)\.c$/.test(path));
  if (sources.length === 1) return sources.map((source) => source.slice(0, -2));
  return sources.length === 0 ? [] : [basename(folder)];
}
