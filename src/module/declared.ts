import { type Diagnostic, didYouMean, type SourceLocation } from '../diagnostic.ts';
import type { Values } from '../kconfig/expression.ts';
import type { SymbolRequest } from '../kconfig/fragment.ts';
import type { KconfigModel, KconfigSymbol } from '../kconfig/model.ts';
import { advice, settingsFor, wantedOf } from '../kconfig/suggest.ts';
import type { ModuleRule } from './makefiles.ts';
import { moduleKey } from './module-info.ts';

/** A module that a board names. */
export interface Declared {
  readonly name: string;
  /** As text for modprobe; empty: none. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly at: SourceLocation;
}

/** What a kernel can make, and what it was configured to. */
export interface Configured {
  readonly rules: readonly ModuleRule[];
  readonly values: Values;
  readonly model: KconfigModel;
  /** What the fragments ask for, by symbol. */
  readonly requests: ReadonlyMap<string, SymbolRequest>;
}

/** Where modules come from that the kernel does not make itself. */
export interface OtherModules {
  /** The modules of the board's packages. */
  readonly packaged: readonly string[];
  /** The packages of kernel modules that the board does not have. */
  readonly packages: readonly string[];
}

/**
 * Says of every module that a board names and will not get why that is: it does not exist (`module/unknown`), its option
 * is off (`module/off`), or it is built in (`module/built-in`).
 */
export function checkDeclared(
  declared: readonly Declared[],
  configured: Configured,
  { packaged, packages }: OtherModules,
): Diagnostic[] {
  const ours = new Set(packaged.map(moduleKey));
  const rules = rulesByModule(configured.rules);
  const names = () => [...packaged, ...packages, ...configured.rules.map(({ module }) => module)];
  return declared.flatMap((each) => {
    const key = moduleKey(each.name);
    if (ours.has(key)) return [];
    const found = rules.get(key);
    return found ? (checkRules(each, found, configured) ?? []) : unknown(each, packages, names());
  });
}

function rulesByModule(rules: readonly ModuleRule[]): Map<string, ModuleRule[]> {
  const found = new Map<string, ModuleRule[]>();
  for (const rule of rules) {
    const key = moduleKey(rule.module);
    found.set(key, [...(found.get(key) ?? []), rule]);
  }
  return found;
}

function unknown({ name, at }: Declared, packages: readonly string[], names: readonly string[]): Diagnostic {
  const diagnostic = { severity: 'error', code: 'module/unknown', at } as const;
  if (packages.includes(name)) {
    const message = `the board does not have the package of module '${name}'`;
    return { ...diagnostic, message, hint: `add '${name}' to \`packages\`` };
  }
  const hint = didYouMean(name, new Set(names));
  return {
    ...diagnostic,
    message: `there is no module '${name}', neither in the kernel nor in the board's packages`,
    ...(hint !== undefined && { hint }),
  };
}

function checkRules(
  declared: Declared,
  rules: readonly ModuleRule[],
  { values, model, requests }: Configured,
): Diagnostic | undefined {
  const settingOf = ({ option }: ModuleRule) => (option === undefined ? 'm' : (values.get(option) ?? 'n'));
  if (rules.some((rule) => settingOf(rule) === 'm')) return undefined;
  const builtIn = rules.find((rule) => settingOf(rule) === 'y');
  if (builtIn) return alreadyIn(declared, builtIn, model);
  const [rule] = rules;
  const option = rule?.option;
  if (rule === undefined || option === undefined) return undefined;
  const symbol = model.symbols.get(option);
  const settings = settingsFor({ type: 'symbol', name: option }, wantedOf(symbol?.type, 'm'), model, values);
  const notes = [{ message: 'this makes it', at: placeOf(rule) }];
  const definition = symbol?.definitions.find(({ prompt }) => prompt !== undefined);
  if (definition?.prompt) notes.push({ message: `CONFIG_${option}, "${definition.prompt.text}"`, at: definition.at });
  const hint =
    settings === undefined
      ? `no setting gives this board CONFIG_${option}: take the module out of \`modules\``
      : `in a fragment of \`kernel.fragments\`, ${advice(settings, requests)}${onlyBuiltIn(symbol)}`;
  return {
    severity: 'error',
    code: 'module/off',
    message: `module '${declared.name}' is not built: CONFIG_${option} is off`,
    at: declared.at,
    notes,
    hint,
  };
}

function onlyBuiltIn(symbol: KconfigSymbol | undefined): string {
  return symbol?.type === 'bool' ? '; it can only be built in, so then take it out of `modules`' : '';
}

function alreadyIn({ name, parameters, at }: Declared, rule: ModuleRule, model: KconfigModel): Diagnostic {
  const { option = '' } = rule;
  const words = Object.entries(parameters).map(([key, value]) => `${moduleKey(name)}.${key}=${value}`);
  const canBeModule = model.symbols.get(option)?.type === 'tristate';
  const hint =
    words.length > 0
      ? `its parameters are words of \`kernel.cmdline\`: ${words.join(' ')}`
      : `leave it out of \`modules\`${canBeModule ? `, or write CONFIG_${option}=m into a fragment` : ''}`;
  return {
    severity: 'error',
    code: 'module/built-in',
    message: `module '${name}' is built into the kernel (CONFIG_${option}=y), so there is nothing to load`,
    at,
    notes: [{ message: 'this makes it', at: placeOf(rule) }],
    hint,
  };
}

function placeOf({ file, line, text }: ModuleRule): SourceLocation {
  return { file, line, column: 1, length: text.length, text };
}
