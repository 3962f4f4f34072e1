import type { z } from 'zod';
import type { Diagnostic } from '../diagnostic.ts';
import { type Path, type RecipeDocument, readDocument } from '../recipe/document.ts';
import { containerKeys, serviceName } from '../recipe/service.ts';

/**
 * Brings in a LinuxKit YAML (its docs/yaml.md): containers and files keep their keys, which mean the same in a board. What
 * cannot be kept is said, each thing at its line.
 */

export interface Imported {
  /** Keys of a board. */
  readonly board: Readonly<Record<string, unknown>>;
  /** Warnings: what could not be mapped, in the order of the file. */
  readonly left: readonly Diagnostic[];
}

export interface ImportOptions {
  /** Put before the names of images that name no registry. */
  readonly registry?: string;
}

const STAGES = ['onboot', 'services', 'onshutdown'] as const;

/** What pibuild itself does of what LinuxKit's `init` images do. */
const OWN_INIT = /(^|\/)(init|runc|containerd)[:@]/;

/** Throws a `Failure` for what is no YAML map. */
export function importLinuxkit(bytes: Uint8Array, file: string, options: ImportOptions = {}): Imported {
  const document = readDocument(bytes, file);
  const left: Diagnostic[] = [];
  const importing: Importing = {
    document,
    options,
    leave: (path, message, hint) => {
      const note = { severity: 'warning', code: 'linuxkit/left', message, at: document.at(path) } as const;
      left.push({ ...note, ...(hint !== undefined && { hint }) });
    },
  };
  const board = {
    ...kernelOf(importing),
    ...Object.fromEntries(STAGES.flatMap((stage) => stageOf(stage, importing))),
    ...filesOf(importing),
  };
  leaveOthers(importing);
  return { board, left: left.sort((a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0)) };
}

interface Importing {
  readonly document: RecipeDocument;
  readonly options: ImportOptions;
  leave(path: Path, message: string, hint?: string): void;
}

type Fields = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of the kernel the words of the command line, but for the consoles, which are the board's. */
function kernelOf({ document, leave }: Importing): Fields {
  const { kernel } = document.value;
  if (!isMap(kernel)) return {};
  for (const key of Object.keys(kernel).filter((each) => each !== 'cmdline')) {
    leave(['kernel', key], `kernel.${key} is not kept: a board's kernel is built by a package of kind \`kernel\``);
  }
  const words = String(kernel.cmdline ?? '')
    .split(/\s+/)
    .filter((word) => word !== '');
  const consoles = words.filter((word) => word.startsWith('console='));
  if (consoles.length > 0) {
    leave(['kernel', 'cmdline'], `${consoles.join(' ')} is not kept: which consoles there are is the board's business`);
  }
  const kept = words.filter((word) => !word.startsWith('console='));
  return kept.length > 0 ? { kernel: { cmdline: kept.map(asTemplate) } } : {};
}

function stageOf(stage: (typeof STAGES)[number], importing: Importing): [string, unknown][] {
  const list = importing.document.value[stage];
  if (!Array.isArray(list)) return [];
  const services = list.flatMap((each: unknown, index) => {
    if (isMap(each)) return [serviceOf(each, [stage, index], importing)];
    importing.leave([stage, index], `this is no container: it is ${typeof each === 'string' ? 'a text' : 'no map'}`);
    return [];
  });
  return services.length > 0 ? [[stage, services]] : [];
}

function serviceOf(fields: Fields, path: Path, importing: Importing): Fields {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (key === 'name') kept.name = nameOf(String(value), [...path, key], importing);
    else if (key === 'image') kept.image = imageOf(String(value), [...path, key], importing);
    else if (key in containerKeys) keepKey(key as keyof typeof containerKeys, value, kept, [...path, key], importing);
    else importing.leave([...path, key], `'${key}' of a container is not kept: pibuild has no such key`);
  }
  return kept;
}

/** containerd's ids and ours: LinuxKit lets more through than it can start. */
function nameOf(name: string, path: Path, { leave }: Importing): string {
  if (serviceName.safeParse(name).success) return name;
  const other =
    name
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 63) || 'service';
  leave(path, `the container '${name}' is called '${other}' here`);
  return other;
}

function imageOf(image: string, path: Path, { options, leave }: Importing): string {
  const [first = '', ...rest] = image.split('/');
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const tagged = /@|:[^/]*$/.test(image) ? image : `${image}:latest`;
  if (named) return tagged;
  if (options.registry !== undefined) return `${options.registry}/${tagged}`;
  leave(
    path,
    `image '${image}' names no registry, and pibuild assumes none`,
    'give the one that is meant by --registry',
  );
  return tagged;
}

/** A key whose value has the shape that a board wants; parts of a map that it does not know are left out by themselves. */
function keepKey(
  key: keyof typeof containerKeys,
  value: unknown,
  kept: Record<string, unknown>,
  path: Path,
  importing: Importing,
): void {
  const schema: z.ZodType = containerKeys[key];
  let wanted = withoutOdd(schema, key, spelled(key, value), path, importing);
  for (let tries = 0; tries < 100; tries++) {
    const parsed = schema.safeParse(wanted);
    if (parsed.success) {
      if (parsed.data !== undefined) kept[key] = templates(parsed.data);
      return;
    }
    const [issue] = parsed.error.issues;
    const unknown = issue?.code === 'unrecognized_keys' ? issue : undefined;
    if (unknown === undefined) break;
    for (const each of unknown.keys) {
      const inner = [...(unknown.path as (string | number)[]), each];
      importing.leave([...path, ...inner], `'${[key, ...inner].join('.')}' is not kept: pibuild has no such key`);
      wanted = withoutKey(wanted, inner);
    }
  }
  const [issue] = schema.safeParse(wanted).error?.issues ?? [];
  importing.leave(path, `'${key}' is not kept: ${wordsOf(issue)}`);
}

/** A list without the texts that are none for a board: a capability that the kernel does not have takes no others along. */
function withoutOdd(schema: z.ZodType, key: string, value: unknown, path: Path, { leave }: Importing): unknown {
  if (!Array.isArray(value)) return value;
  return value.filter((each, index) => {
    const { error } = schema.safeParse([each]);
    if (isMap(each) || error === undefined) return true;
    leave([...path, index], `'${each}' of '${key}' is not kept: ${wordsOf(error.issues[0])}`);
    return false;
  });
}

function wordsOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'it has another shape here';
  return issue.code === 'invalid_value' ? 'there is no such thing' : issue.message.replace(/^Invalid input: /, '');
}

/** What LinuxKit lets be written in more than one way. */
function spelled(key: string, value: unknown): unknown {
  if (key === 'sysctl' && isMap(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, String(each)]));
  }
  if ((key === 'capabilities' || key === 'capabilities.add' || key === 'ambient') && Array.isArray(value)) {
    return value.map((each) => (/^(all|none)$/i.test(String(each)) ? String(each).toLowerCase() : each));
  }
  return value;
}

function withoutKey(value: unknown, [key, ...rest]: readonly (string | number)[]): unknown {
  if (Array.isArray(value)) return value.map((each, index) => (index === key ? withoutKey(each, rest) : each));
  if (!isMap(value) || key === undefined) return value;
  const entries = Object.entries(value).filter(([name]) => rest.length > 0 || name !== key);
  return Object.fromEntries(entries.map(([name, each]) => [name, name === key ? withoutKey(each, rest) : each]));
}

const FILE_KEYS = new Set(['path', 'contents', 'source', 'directory', 'symlink', 'optional', 'mode', 'uid', 'gid']);

function filesOf({ document, leave }: Importing): Fields {
  const { files } = document.value;
  if (!Array.isArray(files)) return {};
  const kept = files.flatMap((file: unknown, index) => {
    if (!isMap(file)) return [];
    if ('metadata' in file) {
      leave(
        ['files', index],
        `the file '${file.path}' is not kept: its text is LinuxKit's own description of the image`,
      );
      return [];
    }
    for (const key of Object.keys(file).filter((each) => !FILE_KEYS.has(each))) {
      leave(['files', index, key], `'${key}' of a file is not kept: pibuild has no such key`);
    }
    if ('source' in file) {
      leave(['files', index, 'source'], `'${file.source}' must be copied beside the board's recipe`);
    }
    const entries = Object.entries(file).filter(([key]) => FILE_KEYS.has(key));
    return [
      Object.fromEntries(entries.map(([key, value]) => [key, key === 'mode' ? modeOf(value) : templates(value)])),
    ];
  });
  return kept.length > 0 ? { files: kept } : {};
}

/** LinuxKit takes modes in quotes, and numbers that YAML 1.1 reads as octal. */
function modeOf(mode: unknown): string {
  return String(mode).replace(/^0o/, '').padStart(4, '0');
}

/** Sections that have no place in a board. */
function leaveOthers({ document, leave }: Importing): void {
  const { value } = document;
  const init = Array.isArray(value.init) ? value.init.map(String) : [];
  init.forEach((image, index) => {
    if (OWN_INIT.test(image)) return;
    leave(['init', index], `'${image}' of init is not kept: what is in it becomes a package or an overlay`);
  });
  const known = new Set<string>(['kernel', 'init', 'files', ...STAGES]);
  for (const key of Object.keys(value).filter((each) => !known.has(each))) {
    leave([key], `'${key}' is not kept: a board has nothing of the kind`);
  }
}

/** Texts of a recipe are templates: what looks like one is quoted. */
function templates(value: unknown): unknown {
  if (typeof value === 'string') return asTemplate(value);
  if (Array.isArray(value)) return value.map(templates);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, templates(each)]));
}

function asTemplate(text: string): string {
  return text.replaceAll('{{', '\\{{');
}
