import type { SourceLocation } from '../diagnostic.ts';
import type { Path } from './document.ts';
import type { BoardModule, Check } from './model.ts';
import type { BoardModuleRecipe, BoardRecipe } from './schema.ts';

/** The kernel modules that a board names. Of one that is named again the later word counts, in the earlier place. */
export function resolveModules(recipe: BoardRecipe, at: (path: Path) => SourceLocation): BoardModule[] {
  const modules = new Map<string, BoardModule>();
  for (const [index, entry] of (recipe.modules ?? []).entries()) {
    const named = typeof entry !== 'string';
    const module = resolveModule(entry, at(named ? ['modules', index, 'name'] : ['modules', index]));
    modules.set(module.name.replaceAll('-', '_'), module);
  }
  return [...modules.values()];
}

/** What `pibuild test` checks of them: those of the start are loaded, others can be found with all they need. */
export function moduleChecks(owner: string, modules: readonly BoardModule[]): Check[] {
  return modules.map(({ name, load, at }) => {
    const common = { owner, at, timeout: 30_000 };
    const loaded = name.replaceAll('-', '_');
    return load === 'boot'
      ? { ...common, name: `module ${name} is loaded`, run: `lsmod | grep -w '^${loaded}'`, retry: 10_000 }
      : { ...common, name: `module ${name} can be loaded`, run: `modprobe -D ${name}`, retry: 0 };
  });
}

function resolveModule(entry: BoardModuleRecipe, at: SourceLocation): BoardModule {
  if (typeof entry === 'string') return { name: entry, parameters: {}, load: 'boot', at };
  const { name, parameters = {}, load = 'boot' } = entry;
  const texts = Object.entries(parameters).map(([key, value]) => [key, parameterText(value)]);
  return { name, parameters: Object.fromEntries(texts), load, at };
}

type Value = string | number | boolean;

/** As the kernel's param_set functions read it: bools as 1 and 0, lists with commas. */
function parameterText(value: Value | readonly Value[]): string {
  if (typeof value === 'object') return value.map(parameterText).join(',');
  return typeof value === 'boolean' ? (value ? '1' : '0') : String(value);
}
