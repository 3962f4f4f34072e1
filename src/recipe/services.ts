import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Diagnostic } from '../diagnostic.ts';
import { didYouMean, Failure } from '../diagnostic.ts';
import type { BoardFile, Check, Located, Package, Project, Service } from './model.ts';
import { recipeProblem } from './problem.ts';
import { attempt } from './read.ts';
import type { BoardRecipe } from './schema.ts';
import { type BoardServiceRecipe, rootKeys, type ServiceRecipe, serviceKeys } from './service.ts';
import { entriesAt, placeIn, plain, type Tree } from './tree.ts';

/** The kind of package that a service can be made of. */
export const SERVICE_KIND = 'service';

/** The package that has containerd, and what keeps services on the target. */
export const CONTAINERD = 'containerd';

const STAGES = ['onboot', 'services', 'onshutdown'] as const;

interface ServiceContext {
  readonly project: Pick<Project, 'package'>;
  /** The folders of the boards, by the file of their recipe as diagnostics show it. */
  readonly folders: ReadonlyMap<string, string>;
}

/** The containers of a board, each with the keys of its package below its own. What is wrong is added to `problems`. */
export function resolveServices(tree: Tree, context: ServiceContext, problems: Diagnostic[]): Service[] {
  const services = STAGES.flatMap((stage) =>
    entriesAt(tree, [stage]).flatMap((entry) => attempt(problems, () => resolveService(entry, stage, context)) ?? []),
  );
  for (const [index, service] of services.entries()) {
    const same = services.slice(0, index).find(({ name }) => name === service.name);
    if (same) problems.push(twice(service, same));
    problems.push(...wrongOrder(service, services));
  }
  return services;
}

/** The packages that a board with services has besides its own: what starts them, and each runtime that one asks for. */
export function servicePackages(services: readonly Service[]): Located<string>[] {
  const [first] = services;
  if (first === undefined) return [];
  const runtimes = services.map((service) => service.recipe.ociRuntime ?? 'runc');
  return [CONTAINERD, ...new Set(['runc', ...runtimes])].map((value) => ({
    value,
    at: first.at('name'),
  }));
}

/** What `pibuild test` checks of them. */
export function serviceChecks(owner: string, services: readonly Service[]): Check[] {
  const named = (stage: Service['stage']) => services.filter((service) => service.stage === stage);
  const common = { owner, timeout: 60_000 };
  const kept = named('services').map(({ name, at }) => ({
    ...common,
    name: `service ${name} is up`,
    run: `pibuild-service status ${name} || { pibuild-service logs -n 20 ${name}; exit 3; }`,
    retry: 120_000,
    at: at('name'),
  }));
  const once = named('onboot').map(({ name, at }) => ({
    ...common,
    name: `onboot ${name} ended with 0`,
    run: `pibuild-service status ${name}`,
    matches: 'state: done',
    retry: 60_000,
    at: at('name'),
  }));
  const [first] = named('services');
  if (first === undefined) return once;
  const names = named('services').filter(({ recipe }) => recipe.runtime?.namespace === undefined);
  const running = {
    ...common,
    name: 'containerd runs every service',
    run: 'ctr -n services.pibuild tasks ls',
    matches: names.map(({ name }) => `(?=[^]*^${name}\\s+[0-9]+\\s+RUNNING$)`).join(''),
    retry: 30_000,
    at: first.at('name'),
  };
  return [...once, ...kept, running];
}

/** The files that a board adds to its root. */
export function resolveFiles(
  recipe: BoardRecipe,
  tree: Tree,
  folders: ServiceContext['folders'],
  problems: Diagnostic[],
): BoardFile[] {
  const entries = entriesAt(tree, ['files']);
  return (recipe.files ?? []).flatMap((file, index) => {
    const entry = entries[index] as Tree;
    const at = placeIn(entry, ['path']);
    const ways = (['contents', 'source', 'symlink', 'directory'] as const).filter((way) => file[way]);
    if (ways.length > 1) problems.push(recipeProblem('file', `a file cannot have both ${ways.join(' and ')}`, at));
    if (file.source === undefined) return [{ ...file, at }];
    const found = finder(entry, folders)(file.source);
    if (found !== undefined) return [{ ...file, file: found, at }];
    if (file.optional) return [];
    problems.push(
      recipeProblem('missing-file', `there is no '${file.source}' beside the board`, placeIn(entry, ['source'])),
    );
    return [];
  });
}

function resolveService(entry: Tree, stage: Service['stage'], context: ServiceContext): Service {
  const written = plain(entry) as BoardServiceRecipe;
  const own = typeof written === 'string' ? { name: written, package: written } : written;
  const { name, package: packageName, ...keys } = own;
  const at = (key: string) => placeIn(entry, typeof written === 'string' ? [] : [key]);
  const pack = packageName === undefined ? undefined : packageOf(packageName, at('package'), context.project);
  checkRoot(keys, pack, at);
  const below = pack === undefined ? {} : ownKeys(pack.recipe as ServiceRecipe);
  return {
    name,
    stage,
    ...(pack && { package: pack }),
    recipe: { ...below, ...keys, ...added(below, keys) },
    at: (...path) => placeOf(path, keys, entry, pack),
    find:
      pack && !Object.keys(rootKeys).some((key) => key in keys)
        ? findBeside(pack.folder)
        : finder(entry, context.folders),
  };
}

function packageOf(name: string, at: ReturnType<typeof placeIn>, project: ServiceContext['project']): Package {
  const pack = project.package(name, at);
  if (pack.kind === SERVICE_KIND) return pack;
  const message = `package '${name}' is of kind ${pack.kind}, not a service`;
  throw new Failure(recipeProblem('no-service', message, at));
}

/** Exactly one key says where the files come from, and a package's own says it for all that are made of it. */
function checkRoot(
  keys: ServiceRecipe,
  pack: Package | undefined,
  at: (key: string) => ReturnType<typeof placeIn>,
): void {
  const names = Object.keys(rootKeys);
  const given = names.filter((key) => key in keys);
  if (pack !== undefined && given.length > 0) {
    const message = `'${given[0]}' is for services without a package: this one's files are those of '${pack.name}'`;
    throw new Failure(recipeProblem('service-root', message, at(given[0] as string)));
  }
  if (pack === undefined && given.length !== 1) {
    const message =
      given.length === 0
        ? 'the service does not say where its files come from'
        : `a service has one of ${given.join(' and ')}`;
    throw new Failure(
      recipeProblem('service-root', message, at(given[1] ?? 'name'), `give one of package, ${names.join(', ')}`),
    );
  }
}

function ownKeys(recipe: ServiceRecipe): ServiceRecipe {
  return Object.fromEntries(Object.entries(recipe).filter(([key]) => key in serviceKeys));
}

/** As in LinuxKit, `X.add` counts only where `X` itself is not given anew. */
function added(below: ServiceRecipe, keys: ServiceRecipe): ServiceRecipe {
  const list = <Key extends 'capabilities' | 'binds'>(key: Key) => {
    const more = keys[`${key}.add`] ?? [];
    return more.length > 0 && keys[key] === undefined ? { [key]: [...new Set([...(below[key] ?? []), ...more])] } : {};
  };
  return { ...list('capabilities'), ...list('binds') };
}

function placeOf(path: readonly (string | number)[], keys: ServiceRecipe, entry: Tree, pack: Package | undefined) {
  const [key = 'name', index] = path;
  if (pack === undefined || key in keys) return placeIn(entry, path);
  const more = `${key}.add` in keys && typeof index === 'number';
  const own = (pack.recipe as Record<string, unknown>)[key];
  const before = Array.isArray(own) ? own.length : 0;
  if (more && index >= before) return placeIn(entry, [`${key}.add`, index - before]);
  return own === undefined ? placeIn(entry, []) : pack.at(...path);
}

function finder(entry: Tree, folders: ServiceContext['folders']): Service['find'] {
  const folder = folders.get(entry.origin.document.file);
  return folder === undefined ? () => undefined : findBeside(folder);
}

function findBeside(folder: string): Service['find'] {
  return (path) => {
    const found = join(folder, path);
    return existsSync(found) ? found : undefined;
  };
}

function twice(service: Service, same: Service): Diagnostic {
  const message = `there are two services '${service.name}': the other is in ${same.stage}`;
  return {
    ...recipeProblem('service-twice', message, service.at('name')),
    notes: [{ message: 'here', at: same.at('name') }],
  };
}

/** `after` names others of the board that can be ready before: not later stages, not itself, not in a circle. */
function wrongOrder(service: Service, services: readonly Service[]): Diagnostic[] {
  return (service.recipe.after ?? []).flatMap((name, index) => {
    const at = service.at('after', index);
    const other = services.find((each) => each.name === name);
    if (other === undefined) {
      const hint = didYouMean(
        name,
        services.map((each) => each.name),
      );
      return [recipeProblem('service-after', `there is no service '${name}' to come after`, at, hint)];
    }
    if (STAGES.indexOf(other.stage) > STAGES.indexOf(service.stage)) {
      return [recipeProblem('service-after', `'${name}' is in ${other.stage}, which comes later`, at)];
    }
    const circle = wayBack(name, service.name, services);
    if (circle === undefined) return [];
    return [
      recipeProblem('service-after', `services wait for each other: ${[service.name, ...circle].join(' -> ')}`, at),
    ];
  });
}

/** The way from one service by `after` to another, if there is one. */
function wayBack(
  from: string,
  to: string,
  services: readonly Service[],
  seen: readonly string[] = [],
): string[] | undefined {
  if (from === to) return [to];
  if (seen.includes(from)) return undefined;
  const { after = [] } = services.find(({ name }) => name === from)?.recipe ?? {};
  for (const next of after) {
    const way = wayBack(next, to, services, [...seen, from]);
    if (way) return [from, ...way];
  }
  return undefined;
}
