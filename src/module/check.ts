import { type Diagnostic, didYouMean, nearest, type SourceLocation } from '../diagnostic.ts';
import { gplLicenses, proprietary } from './license.ts';
import { type ModpostProblem, parseModpost } from './modpost.ts';
import { type ModuleInfo, readModule } from './module-info.ts';

/** What is known of a module that was built and is well. */
export interface ModuleFacts {
  readonly name: string;
  readonly vermagic: string;
  readonly license: string;
  readonly depends: readonly string[];
  /** Bytes. */
  readonly size: number;
}

export interface BuiltModule {
  readonly name: string;
  readonly bytes: Buffer;
  /** Where the recipe names it. */
  readonly at: SourceLocation;
}

/** What the modules are for. */
export interface Expected {
  /** The package that makes them. */
  readonly package: string;
  readonly arch: string;
  readonly vermagic: string;
  /** What modpost said of them. */
  readonly modpost: string;
  /** The symbols that the kernel exports; only looked at when some are missing. */
  readonly exports: readonly string[];
}

/**
 * Whether modules will load: architecture (`module/architecture`), vermagic (`module/vermagic`), licence (`module/license`,
 * `module/proprietary`), and the symbols that they use (`module/unresolved-symbol`, `module/gpl-only`, `module/namespace`).
 */
export function checkModules(
  modules: readonly BuiltModule[],
  expected: Expected,
): { diagnostics: Diagnostic[]; facts: ModuleFacts[] } {
  const refused = parseModpost(expected.modpost);
  if (refused.some(({ type }) => type !== 'more'))
    return { diagnostics: refusals(refused, modules, expected), facts: [] };
  const read = modules.map((module) => ({ module, info: readModule(module.bytes) }));
  const diagnostics = read.flatMap(({ module, info }) => (info ? faults(module, info, expected) : [noModule(module)]));
  const facts = read.flatMap(({ module, info }) => (info ? [factsOf(module, info)] : []));
  return { diagnostics, facts };
}

function factsOf({ name, bytes }: BuiltModule, { vermagic, license = '', depends }: ModuleInfo): ModuleFacts {
  return { name, vermagic, license, depends, size: bytes.length };
}

function problem(code: string, message: string, { at }: Pick<BuiltModule, 'at'>, hint?: string): Diagnostic {
  return { severity: 'error', code: `module/${code}`, message, at, ...(hint !== undefined && { hint }) };
}

function noModule(module: BuiltModule): Diagnostic {
  return problem('no-module', `'${module.name}.ko' is no kernel module`, module);
}

function faults(module: BuiltModule, info: ModuleInfo, { arch, vermagic }: Expected): Diagnostic[] {
  const { name } = module;
  const found: Diagnostic[] = [];
  if (info.machine !== arch) {
    found.push(
      problem('architecture', `module '${name}' is for ${info.machine}, but the kernel is for ${arch}`, module),
    );
  } else if (bare(info.vermagic) !== bare(vermagic)) {
    const its = info.vermagic === '' ? 'for no kernel' : `for the kernel '${info.vermagic}'`;
    const message = `module '${name}' is ${its}, but this one is '${vermagic}'`;
    found.push(problem('vermagic', message, module, 'build it from source, against this kernel'));
  }
  const { license } = info;
  if (license === undefined) found.push(unlicensed(module));
  else if (license === proprietary) found.push(tainting(module));
  else if (!gplLicenses.includes(license)) found.push(unknownLicense(module, license));
  return found;
}

/** The hash of randomised structures stands nowhere but in a header that is made with the kernel. */
function bare(vermagic: string): string {
  return vermagic.replace(/RANDSTRUCT_\w*/, '').trim();
}

function unlicensed(module: BuiltModule): Diagnostic {
  const message = `module '${module.name}' has no MODULE_LICENSE`;
  return problem('license', message, module, `write MODULE_LICENSE("GPL"); into its source, or ${others()}`);
}

function others(): string {
  const [, ...further] = gplLicenses;
  return [...further, proprietary].map((each) => `"${each}"`).join(', ');
}

function tainting(module: BuiltModule): Diagnostic {
  const message = `module '${module.name}' is proprietary: it taints the kernel, and gets no GPL-only symbol`;
  return { ...problem('proprietary', message, module), severity: 'warning' };
}

function unknownLicense(module: BuiltModule, license: string): Diagnostic {
  const known = [...gplLicenses, proprietary];
  const message = `MODULE_LICENSE("${license}") of module '${module.name}' is none that the kernel knows`;
  const near = nearest(license.replace(/[- ]?2(\.0)?.*$/, ' v2'), known) ?? nearest(license, known);
  return problem(
    'license',
    message,
    module,
    near ? `did you mean "${near}"?` : `known: ${known.map((each) => `"${each}"`).join(', ')}`,
  );
}

/** What modpost refuses, each module's missing symbols together. */
function refusals(
  problems: readonly ModpostProblem[],
  modules: readonly BuiltModule[],
  expected: Expected,
): Diagnostic[] {
  const placed = (name: string): BuiltModule =>
    modules.find((module) => module.name === name) ?? { ...(modules[0] as BuiltModule), name };
  const missing = new Map<string, string[]>();
  for (const each of problems) {
    if (each.type === 'undefined') missing.set(each.module, [...(missing.get(each.module) ?? []), each.symbol]);
  }
  const more = problems.reduce((sum, each) => sum + (each.type === 'more' ? each.count : 0), 0);
  const unresolved = [...missing].map(([name, symbols], index) => {
    // modpost does not say whose they are.
    const further = index === missing.size - 1 ? more : 0;
    return unresolvedIn(placed(name), symbols, { further, alone: missing.size === 1 }, expected);
  });
  const rest = problems.flatMap((each): Diagnostic[] => {
    switch (each.type) {
      case 'no-license':
        return [unlicensed(placed(each.module))];
      case 'gpl-only':
        return [gplOnly(placed(each.module), each.symbol)];
      case 'namespace':
        return [otherNamespace(placed(each.module), each.symbol, each.namespace)];
      case 'other':
        return [problem('refused', `modpost refuses ${expected.package}: ${each.message}`, placed(expected.package))];
      default:
        return [];
    }
  });
  return [...unresolved, ...rest];
}

function unresolvedIn(
  module: BuiltModule,
  symbols: readonly string[],
  { further, alone }: { further: number; alone: boolean },
  expected: Expected,
): Diagnostic {
  const [first = ''] = symbols;
  const count = symbols.length + (alone ? further : 0);
  const message =
    count === 1
      ? `module '${module.name}' uses '${first}', which this kernel does not export`
      : `module '${module.name}' uses ${count} symbols that this kernel does not export`;
  const notes = symbols.map((symbol) => ({ message: symbolNote(symbol, expected.exports) }));
  if (further > 0) notes.push({ message: `and ${further} more${alone ? '' : ', of whichever of the modules'}` });
  const hint =
    'the option that brings it may be off in this kernel; what another module package exports is seen through `depends`';
  return { ...problem('unresolved-symbol', message, module, hint), notes };
}

function symbolNote(symbol: string, exports: readonly string[]): string {
  const near = nearest(symbol, exports);
  return near === undefined ? `'${symbol}'` : `'${symbol}': ${didYouMean(symbol, [near])}`;
}

function gplOnly(module: BuiltModule, symbol: string): Diagnostic {
  const message = `module '${module.name}' uses '${symbol}', which the kernel gives to GPL-compatible modules alone`;
  return problem(
    'gpl-only',
    message,
    module,
    `a licence that is: ${gplLicenses.map((each) => `"${each}"`).join(', ')}`,
  );
}

function otherNamespace(module: BuiltModule, symbol: string, namespace: string): Diagnostic {
  const message = `module '${module.name}' uses '${symbol}' of the namespace ${namespace}, which it does not import`;
  return problem('namespace', message, module, `write MODULE_IMPORT_NS(${namespace}); into its source`);
}
