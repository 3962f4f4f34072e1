import { type Diagnostic, didYouMean, type SourceLocation } from '../diagnostic.ts';
import type { Declared } from './declared.ts';
import { moduleKey, readModule } from './module-info.ts';

/** A module that was built. */
export interface ListedModule {
  readonly name: string;
  /** Where it is: a path below the root, or whose package. */
  readonly path: string;
  bytes(): Buffer;
  /** Of a package's: where its recipe names it, and what its recipe supersedes. */
  readonly at?: SourceLocation;
  readonly supersedes?: readonly string[];
}

/**
 * Holds what was built against what was asked for: a module of a package that the kernel has too (`module/duplicate`), one
 * that was not built (`module/not-built`), a parameter that it does not have (`module/unknown-parameter`).
 */
export function listModules(
  declared: readonly Declared[],
  packaged: readonly ListedModule[],
  own: readonly ListedModule[],
): Diagnostic[] {
  const kernel = new Map(own.map((module) => [moduleKey(module.name), module]));
  const all = new Map([
    ...kernel,
    ...packaged.map((module): [string, ListedModule] => [moduleKey(module.name), module]),
  ]);
  return [
    ...packaged.flatMap((module) => duplicates(module, kernel)),
    ...declared.flatMap((each) => checkOne(each, all)),
  ];
}

/** The modules to load at start, one a line: modules-load.d(5). Empty: none. */
export function loadList(modules: readonly { name: string; load: 'boot' | 'demand' }[]): string {
  return commented(modules.filter(({ load }) => load === 'boot').map(({ name }) => name));
}

/** The parameters of modules: modprobe.d(5). The underscore is what every modprobe takes. Empty: none. */
export function parameterLines(modules: readonly Pick<Declared, 'name' | 'parameters'>[]): string {
  const lines = modules.flatMap(({ name, parameters }) => {
    const words = Object.entries(parameters).map(([key, value]) => `${key}=${/\s/.test(value) ? `"${value}"` : value}`);
    return words.length > 0 ? [`options ${moduleKey(name)} ${words.join(' ')}`] : [];
  });
  return commented(lines);
}

function commented(lines: readonly string[]): string {
  const head = "# Made by pibuild from the board's `modules`.";
  return lines.length === 0 ? '' : [head, ...lines, ''].join('\n');
}

function duplicates(module: ListedModule, kernel: ReadonlyMap<string, ListedModule>): Diagnostic[] {
  const { name, path, supersedes = [], at } = module;
  const other = kernel.get(moduleKey(name));
  const meant = supersedes.some((each) => moduleKey(each) === moduleKey(name));
  if (other === undefined || meant) return [];
  return [
    {
      severity: 'error',
      code: 'module/duplicate',
      message: `${path} makes a module '${name}', which the kernel has too: ${other.path}`,
      ...(at && { at }),
      hint: `switch its option off, or write \`supersedes: [${name}]\` into the recipe if this one is meant to be loaded`,
    },
  ];
}

function checkOne({ name, parameters, at }: Declared, all: ReadonlyMap<string, ListedModule>): Diagnostic[] {
  const module = all.get(moduleKey(name));
  if (module === undefined) {
    const hint = didYouMean(
      name,
      [...all.values()].map((each) => each.name),
    );
    const message = `the module '${name}' was not built`;
    return [{ severity: 'error', code: 'module/not-built', message, at, ...(hint !== undefined && { hint }) }];
  }
  const given = Object.keys(parameters);
  if (given.length === 0) return [];
  const known = readModule(module.bytes())?.parameters ?? new Map<string, string>();
  return given.flatMap((parameter): Diagnostic[] => {
    if (known.has(parameter)) return [];
    const message = `module '${name}' has no parameter '${parameter}'`;
    const hint = known.size === 0 ? 'it has none at all' : didYouMean(parameter, known.keys());
    return [{ severity: 'error', code: 'module/unknown-parameter', message, at, ...(hint !== undefined && { hint }) }];
  });
}
