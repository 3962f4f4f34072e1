import { readElf } from './elf.ts';

/** What a .ko says of itself: its section `.modinfo`, which the macros of <linux/module.h> fill. */
export interface ModuleInfo {
  /** `arm64`, as in `Elf.machine`. */
  readonly machine: string;
  /** The release and the options that a kernel must have to load it: `6.12.1 SMP mod_unload aarch64`. */
  readonly vermagic: string;
  /** Absent: there is no MODULE_LICENSE. */
  readonly license?: string;
  readonly description: string;
  /** The modules that must be loaded before it. */
  readonly depends: readonly string[];
  /** Its parameters, by name: what is known of their type (`int`, `array of ushort`). */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a .ko. Undefined: it is no kernel module. */
export function readModule(bytes: Buffer): ModuleInfo | undefined {
  const elf = readElf(bytes);
  const section = elf?.section('.modinfo');
  if (elf === undefined || section === undefined) return undefined;
  const fields = fieldsOf(section);
  const first = (key: string) => fields.find(([name]) => name === key)?.[1];
  const license = first('license');
  return {
    machine: elf.machine,
    vermagic: (first('vermagic') ?? '').trim(),
    ...(license !== undefined && { license }),
    description: first('description') ?? '',
    depends: (first('depends') ?? '').split(',').filter((name) => name !== ''),
    parameters: parametersOf(fields),
  };
}

/** Module names as the kernel compares them: it makes no difference between dash and underscore. */
export function moduleKey(name: string): string {
  return name.replaceAll('-', '_');
}

/** Texts like `key=value`, each ended by a NUL. */
function fieldsOf(section: Buffer): [key: string, value: string][] {
  const texts = section.toString('utf8').split('\0');
  return texts.flatMap((text): [string, string][] => {
    const at = text.indexOf('=');
    return at < 0 ? [] : [[text.slice(0, at), text.slice(at + 1)]];
  });
}

/** `parm` has a description, `parmtype` a type; a parameter may have either alone. */
function parametersOf(fields: readonly (readonly [string, string])[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [key, value] of fields) {
    if (key !== 'parm' && key !== 'parmtype') continue;
    const [name = '', rest = ''] = split(value, ':');
    if (key === 'parmtype') parameters.set(name, rest);
    else if (!parameters.has(name)) parameters.set(name, '');
  }
  return parameters;
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
