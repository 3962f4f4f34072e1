import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { scriptArguments } from '../build/action.ts';
import { Builder } from '../build/builder.ts';
import { run } from '../build/command.ts';
import type { Emit } from '../build/event.ts';
import { sandboxed, tied } from '../build/sandbox.ts';
import type { Store } from '../build/store.ts';
import { Failure, fail } from '../diagnostic.ts';
import { readKernel } from '../kinds/check-module.ts';
import { type KernelModuleRecipe, modulesOf } from '../kinds/kernel-module.ts';
import type { ArtifactRef } from '../kinds/kind.ts';
import { checkModules, type ModuleFacts } from '../module/check.ts';
import { ProjectPaths } from '../paths.ts';
import { type ModulePlan, type ModuleTarget, planModule } from '../plan.ts';
import type { Package, Project } from '../recipe/model.ts';
import type { Context } from './context.ts';
import { type HostKernel, openHostKernel } from './host-kernel.ts';
import { isFolderWord, packageInFolder, withPackage } from './module-folder.ts';
import { forgetLocks, headersLock, parseHeaders } from './packaged-headers.ts';
import { openReporter } from './reporting.ts';
import { buildOptions, openProject } from './session.ts';
import { lockVanished, watchVanished } from './vanished.ts';

export interface BuildModuleOptions {
  readonly board: string;
  /** `deb:<package>`, or the path of a build tree; absent: the board's kernel. */
  readonly kernel?: string;
  /** Where the .ko files are left; absent: below output/. */
  readonly out?: string;
  /** Whether the loader is built too. */
  readonly loader?: boolean;
}

export interface BuiltModule extends ModuleFacts {
  /** Absolute. */
  readonly path: string;
  readonly bytes: Buffer;
}

export interface BuiltModules {
  /** The package. */
  readonly name: string;
  /** In the order of the recipe. */
  readonly modules: readonly BuiltModule[];
  /** SPDX, or empty. */
  readonly license: string;
  /** The modules of other packages that these need, by name, when the loader was asked for. */
  readonly below?: ReadonlyMap<string, Buffer>;
  /** The kernel's own modules, a tar, where the kernel is one of ours. */
  readonly kernelModules?: Buffer;
  /** The program that loads them, when it was asked for. */
  readonly loader?: Buffer;
}

/**
 * Builds the modules of a package, or of a folder, for a kernel, and leaves the .ko files for people. Undefined when a task
 * failed, which the reporter has told.
 */
export async function buildModule(
  context: Context,
  word: string,
  options: BuildModuleOptions,
): Promise<BuiltModules | undefined> {
  const relocked = new Set<string>();
  for (;;) {
    const before = relocked.size;
    const built = await tryToBuild(context, word, options, relocked);
    if (built !== undefined || relocked.size === before) return built;
  }
}

/** As `make` does: packages whose files are gone from everywhere are locked anew, each once. */
async function tryToBuild(
  context: Context,
  word: string,
  options: BuildModuleOptions,
  relocked: Set<string>,
): Promise<BuiltModules | undefined> {
  const { project, pack } = projectWith(context, word);
  const { board, kernel } = options;
  const reporter = openReporter(context, board);
  const vanished = watchVanished(reporter.emit);
  try {
    const { target, host, folder } = await targetOf(context, project, board, kernel, vanished.emit);
    const plan = planModule(project, pack.name, board, target);
    const out = options.out === undefined ? folder : resolve(context.cwd, options.out);
    const build = buildOptions(context, project, board, vanished.emit);
    const builder = new Builder(plan.graph, build);
    const job: Job = { context, pack, plan, out, builder, store: build.store, loader: options.loader ?? false };
    const built = await (host ? buildForHost(job, host) : buildAsTask(job)).finally(() => builder.close());
    const again = [...vanished.packages].filter((each) => !relocked.has(each));
    const headers = again.filter((each) => each.startsWith('kernel/'));
    const packages = again.filter((each) => !headers.includes(each));
    for (const each of await lockVanished(context, project, packages, vanished.emit)) relocked.add(each);
    for (const each of forgetLocks(context, project, headers, vanished.emit)) relocked.add(each);
    return built;
  } finally {
    reporter.close();
  }
}

function projectWith(context: Context, word: string): { project: Project; pack: Package<KernelModuleRecipe> } {
  const project = openProject(context);
  if (!isFolderWord(word)) return { project, pack: project.package(word) as Package<KernelModuleRecipe> };
  const pack = packageInFolder(resolve(context.cwd, word), context.cwd) as Package<KernelModuleRecipe>;
  return { project: withPackage(project, pack), pack };
}

interface Target {
  readonly target: ModuleTarget;
  readonly host?: HostKernel;
  /** Where modules are left when nobody says. */
  readonly folder: string;
}

async function targetOf(
  context: Context,
  project: Project,
  board: string,
  kernel: string | undefined,
  emit: Emit,
): Promise<Target> {
  const paths = new ProjectPaths(project.root);
  if (kernel === undefined) return { target: 'board', folder: paths.modules(board) };
  if (kernel.startsWith('deb:')) {
    const headers = parseHeaders(kernel.slice('deb:'.length));
    const lock = await headersLock(context, project, headers, emit);
    return { target: { deb: headers.folder, lock }, folder: paths.kernel(headers.folder) };
  }
  const host = openHostKernel(resolve(context.cwd, kernel));
  return { target: { host: host.kernel }, host, folder: paths.kernel(host.release) };
}

interface Job {
  readonly context: Context;
  readonly pack: Package<KernelModuleRecipe>;
  readonly plan: ModulePlan;
  readonly out: string;
  readonly builder: Builder;
  /** The builder's: others leave alone what is below its session. */
  readonly store: Store;
  readonly loader: boolean;
}

async function buildAsTask({ pack, plan, out, builder, loader }: Job): Promise<BuiltModules | undefined> {
  const { parts, kernelModules } = plan;
  if (parts === undefined) throw new Error('a module for an artifact is an artifact');
  const below = plan.below.flatMap(({ files }) => Object.entries(files));
  const further = loader
    ? [plan.loader, ...(kernelModules ? [kernelModules] : []), ...below.map(([, ref]) => ref)]
    : [];
  const result = await builder.build([parts.facts.task, ...new Set(further.map(({ task }) => task))]);
  if (!result.ok) return undefined;
  const bytes = async (ref: ArtifactRef) => readFileSync(await builder.path(ref));
  const facts: ModuleFacts[] = JSON.parse((await bytes(parts.facts)).toString());
  const modules: BuiltModule[] = [];
  for (const each of facts) modules.push(leave(out, each, await bytes(parts.files[each.name] as ArtifactRef)));
  const others = new Map<string, Buffer>();
  if (loader) for (const [name, ref] of below) others.set(name, await bytes(ref));
  return {
    name: pack.name,
    license: pack.license,
    modules,
    ...(loader && { loader: await bytes(plan.loader), below: others }),
    ...(loader && kernelModules && { kernelModules: await bytes(kernelModules) }),
  };
}

/** What is built against something that is no artifact is no task with a result: it is compiled each time. */
async function buildForHost(
  { context, pack, plan, out, builder, store, loader }: Job,
  host: HostKernel,
): Promise<BuiltModules> {
  const folder = store.temporary('module');
  try {
    const { sandbox } = await builder.stage(plan.build, folder);
    const lines: string[] = [];
    const ended = await run({
      argv: sandboxed({ ...sandbox, binds: [...sandbox.binds, ...host.binds] }, tied(scriptArguments)),
      tied: true,
      signal: context.signal,
      onLine: (line) => {
        lines.push(line);
        if (context.options.verbose) context.stderr.write(`${line}\n`);
      },
    });
    context.signal.throwIfAborted();
    if (ended.code !== 0) throw notBuilt(pack.name, lines);
    const facts = await checkBuilt(pack, join(folder, 'work/out'), host);
    const modules = facts.map(({ bytes, ...each }) => leave(out, each, bytes));
    const program = loader ? readFileSync(await builder.path(plan.loader)) : undefined;
    return { name: pack.name, license: pack.license, modules, ...(program && { loader: program }) };
  } finally {
    await store.discard(folder);
  }
}

async function checkBuilt(
  pack: Package<KernelModuleRecipe>,
  made: string,
  host: HostKernel,
): Promise<(ModuleFacts & { bytes: Buffer })[]> {
  const kernel = await readKernel(host.folder);
  const files = modulesOf(pack).map((name, index) => ({
    name,
    bytes: readFileSync(join(made, `ko/${name}.ko`)),
    at: pack.at('modules', index),
  }));
  const modpost = readFileSync(join(made, 'modpost'), 'utf8');
  const exports = /undefined!$/m.test(modpost) ? await kernel.exports() : [];
  const expected = { ...kernel, package: pack.name, arch: host.kernel.arch, exports, modpost };
  const { diagnostics, facts } = checkModules(files, expected);
  if (diagnostics.some(({ severity }) => severity === 'error')) throw new Failure(...diagnostics);
  return facts.map((each, index) => ({ ...each, bytes: files[index]?.bytes ?? Buffer.alloc(0) }));
}

function notBuilt(name: string, lines: readonly string[]): Failure {
  const at = lines.findLastIndex((line) => line.startsWith('error: '));
  if (at < 0) {
    const notes = lines.slice(-20).map((message) => ({ message }));
    return new Failure({
      severity: 'error',
      code: 'module/build-failed',
      message: `${name} could not be built`,
      notes,
    });
  }
  const message = (lines[at] as string).slice('error: '.length);
  const notes = lines.slice(at + 1).map((line) => ({ message: line.trim() }));
  return new Failure({ severity: 'error', code: 'module/build-failed', message, notes });
}

function leave(out: string, facts: ModuleFacts, bytes: Buffer): BuiltModule {
  const path = join(out, `${facts.name}.ko`);
  try {
    mkdirSync(out, { recursive: true });
    writeFileSync(path, bytes);
  } catch (error) {
    throw fail('module/not-written', `cannot write '${path}': ${(error as Error).message}`);
  }
  return { ...facts, path, bytes };
}
