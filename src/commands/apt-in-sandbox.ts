import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { RunInTree } from '../archive/apt.ts';
import { withDebootstrap } from '../archive/debootstrap.ts';
import { hostMirrorSources, librariesIn } from '../archive/host.ts';
import type { MirrorSources } from '../archive/mirror.ts';
import { Builder } from '../build/builder.ts';
import { run } from '../build/command.ts';
import type { Emit } from '../build/event.ts';
import { type Bind, baseEnvironment, sandboxed, tied } from '../build/sandbox.ts';
import { Failure } from '../diagnostic.ts';
import type { TaskId } from '../graph/task.ts';
import { APT_PACKAGE } from '../kinds/locked.ts';
import { planPackages } from '../plan.ts';
import type { Package, Project } from '../recipe/model.ts';
import type { Context } from './context.ts';
import { buildOptions } from './session.ts';

/** The tree whose bubblewrap makes the sandbox. */
export const BOOTSTRAP = 'tools/bootstrap';

export interface AptInSandbox {
  /** Runs a command in the tree with apt, with the host's network, proxies and certificate authorities. */
  readonly run: RunInTree;
  /** What this machine, and apt itself, know about mirrors. */
  readonly mirrors: MirrorSources;
  close(): Promise<void>;
}

/**
 * Builds the tools that apt is in, if need be, and keeps their trees while it is open. The folder is for files of its own.
 *
 * @throws Failure when they cannot be built
 */
export async function openApt(context: Context, project: Project, folder: string, emit: Emit): Promise<AptInSandbox> {
  const { graph, provides } = planPackages(asLocked(project), [BOOTSTRAP, APT_PACKAGE]);
  const builder = new Builder(graph, buildOptions(context, project, 'lock', emit));
  try {
    const trees = [BOOTSTRAP, APT_PACKAGE].map((name) => provides.get(name)?.tools);
    const [bootstrap, apt] = trees as Exclude<(typeof trees)[number], undefined>[];
    if (!bootstrap || !apt) throw new Error('the tools are no tools trees');
    const built = await builder.build([bootstrap.task, apt.task] as TaskId[]);
    if (!built.ok) throw new Failure(...built.diagnostics);
    const places = { bubblewrap: await builder.path(bootstrap), root: await builder.path(apt) };
    writeFileSync(join(folder, 'certificates'), certificates(context.env));
    const mirrors = hostMirrorSources(librariesIn(places.root));
    const scripts = join(places.root, 'usr/share/debootstrap/scripts/gutsy');
    return {
      run: (argv, { binds }) => runIn(context, { ...places, folder }, argv, binds),
      mirrors: existsSync(scripts) ? withDebootstrap(mirrors, readFileSync(scripts, 'utf8')) : mirrors,
      close: () => builder.close(),
    };
  } catch (error) {
    await builder.close();
    throw error;
  }
}

/**
 * The project with the tools' recipes asking for what they are locked to: their locks must not have to be right for the
 * locks to be made right.
 */
function asLocked(project: Project): Project {
  const lenient = (pack: Package): Package => {
    if (!pack.lock || ![BOOTSTRAP, APT_PACKAGE].includes(pack.name)) return pack;
    const { requested: debs, suites, distribution, architecture } = pack.lock;
    const recipe = { ...(pack.recipe as object), debs, suites, distribution, architecture };
    return Object.create(pack, { recipe: { value: recipe } });
  };
  const named: Project['package'] = (name, askedBy) => lenient(project.package(name, askedBy));
  return Object.create(project, { package: { value: named } });
}

async function runIn(
  context: Context,
  { bubblewrap, root, folder }: { bubblewrap: string; root: string; folder: string },
  argv: readonly string[],
  binds: readonly Bind[],
): ReturnType<RunInTree> {
  const lines: string[] = [];
  const sandbox = {
    bubblewrap,
    root,
    binds: [...binds, ...networkFiles(), { source: join(folder, 'certificates'), target: CERTIFICATES }],
    environment: { ...baseEnvironment, ...proxies(context.env), SSL_CERT_FILE: CERTIFICATES },
    folder: '/tmp',
    network: true,
  };
  const ended = await run({
    argv: sandboxed(sandbox, tied(argv)),
    tied: true,
    signal: context.signal,
    onLine: (line) => lines.push(line),
  });
  context.signal.throwIfAborted();
  return { code: ended.code, output: lines.map((line) => `${line}\n`).join('') };
}

/** Below /run, which is writable in every sandbox: a place to bind over must be there, or be made. */
const CERTIFICATES = '/run/certificates';

/** How this machine finds hosts. */
export function networkFiles(): Bind[] {
  return ['/etc/resolv.conf', '/etc/hosts']
    .filter((path) => existsSync(path))
    .map((path) => ({ source: realpathSync(path), target: path }));
}

export function proxies(environment: NodeJS.ProcessEnv): Record<string, string> {
  const named = Object.entries(environment).filter(([name]) => /^(https?|no|all|ftp)_proxy$/i.test(name));
  return Object.fromEntries(named.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** Node's own certificate authorities, and those that this machine trusts besides. */
function certificates(environment: NodeJS.ProcessEnv): string {
  const bundles = [
    environment.NODE_EXTRA_CA_CERTS,
    environment.SSL_CERT_FILE,
    '/etc/ssl/certs/ca-certificates.crt',
    '/etc/pki/tls/certs/ca-bundle.crt',
    '/etc/ssl/ca-bundle.pem',
  ];
  const texts = bundles.flatMap((path) => (path && existsSync(path) ? [readFileSync(path, 'utf8')] : []));
  return [...rootCertificates, ...texts].join('\n');
}
