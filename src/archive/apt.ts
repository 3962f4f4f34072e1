import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { didYouMean, Failure, fail } from '../diagnostic.ts';
import { workFolder } from '../paths.ts';
import type { DebsLock, LockedDeb } from '../recipe/model.ts';
import type { ArchiveName } from './apt-defaults.ts';
import { type Mirror, type MirrorSources, mirrorsOf, mirrorVariable } from './mirror.ts';
import { openTransfer, printable, type Transfer } from './transfer.ts';

/** What debs are looked for in. */
export interface AptScope {
  readonly distribution: 'debian' | 'ubuntu';
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly architecture: string;
  /** Archives of others, besides. */
  readonly archives?: readonly ExtraArchive[];
}

/** An archive that a recipe names: it is no mirror of a distribution's. */
export interface ExtraArchive {
  readonly url: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** The file with the public key that it is signed with, absolute. */
  readonly key: string;
}

/** Runs a command in a tools tree with apt, with the network. `output` is all it printed, in the order in which it did. */
export type RunInTree = (
  argv: readonly string[],
  options: { readonly binds: readonly { source: string; target: string; writable?: boolean }[] },
) => Promise<{ code: number; output: string }>;

export interface AptOptions {
  readonly run: RunInTree;
  readonly mirrors: MirrorSources;
  /** An empty folder for apt's lists and state. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** An apt of its own: signed indices of one scope, nothing installed. */
export interface Apt {
  /**
   * The debs that `names` need, by name. With `deps` false exactly the ones named.
   *
   * @throws Failure `archive/unknown-package`, `archive/unresolvable`
   */
  resolve(names: readonly string[], deps: boolean): Promise<LockedDeb[]>;
  /**
   * The same for a whole root: the debs of a variant, which are marked as its base, and those that `names` need besides.
   *
   * @throws Failure `archive/unknown-package`, `archive/unresolvable`
   */
  resolveRoot(names: readonly string[], variant: Variant): Promise<LockedDeb[]>;
}

/** Which packages a root has in any case: what is essential; and apt; and what is required, important, standard. */
export type Variant = 'essential' | 'apt' | 'minbase' | 'important' | 'standard';

/** As patterns of apt-patterns(7). */
const VARIANTS: Readonly<Record<Variant, readonly string[]>> = {
  essential: ['?essential'],
  apt: ['?essential', 'apt'],
  minbase: ['?essential', 'apt', '?priority(required)'],
  important: ['?essential', 'apt', '?priority(required)', '?priority(important)'],
  standard: ['?essential', 'apt', '?priority(required)', '?priority(important)', '?priority(standard)'],
};

/**
 * Fetches the indices of a scope with real apt, which checks their signatures against the distribution's keyring.
 *
 * @throws Failure `archive/no-mirror`, `archive/no-suite`, `archive/update-failed`
 */
export async function openApt(scope: AptScope, options: AptOptions): Promise<Apt> {
  options.log(`reading the indices of ${scope.suites.join(', ')} (${scope.architecture})`);
  const sources = await findSources(scope, options);
  const binds = layOut(scope, sources, options.folder);
  const origins = [...sources, ...(scope.archives ?? []).map(originOf)];
  const apt = async (...argv: string[]) => {
    options.signal.throwIfAborted();
    return options.run(['env', `APT_CONFIG=${workFolder}/apt.conf`, ...argv], { binds });
  };
  const update = await apt('apt-get', 'update', '--error-on=any');
  if (update.code !== 0) {
    throw told('archive/update-failed', `apt cannot read the indices of ${scope.suites.join(', ')}`, update);
  }
  return {
    resolve: (names, deps) => resolve(apt, origins, names, deps),
    resolveRoot: (names, variant) => resolveRoot(apt, origins, names, variant),
  };
}

/** The moment of locking as the snapshot services write it. */
export function snapshotOf(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d+/g, '');
}

/** A lock out of what apt resolved. */
export function lockFrom(
  scope: AptScope,
  requested: readonly string[],
  debs: readonly LockedDeb[],
  now: Date,
  variant?: Variant,
): DebsLock {
  const { distribution, suites, architecture } = scope;
  return {
    format: 1,
    distribution,
    suites,
    architecture,
    requested: [...requested],
    ...(variant && { variant }),
    snapshot: snapshotOf(now),
    debs,
  };
}

/** A suite, and the mirror that has it. */
interface Source {
  readonly suite: string;
  readonly archive: ArchiveName;
  readonly mirror: Mirror;
  /** The mirror as apt is told of it. */
  readonly uri: string;
}

/** Where a deb may come from. */
type Origin = Pick<LockedDeb, 'archive' | 'url'> & { readonly uri: string };

async function findSources(scope: AptScope, options: AptOptions): Promise<Source[]> {
  const transfer = await openTransfer({ connect: 10_000, stall: 30_000 });
  const folders: string[] = [];
  try {
    const sources: Source[] = [];
    for (const suite of scope.suites) {
      const { archive, mirror } = await findSuite(suite, scope, transfer, options);
      sources.push({ suite, archive, mirror, uri: aptUri(mirror.url, folders) });
    }
    return sources;
  } finally {
    await transfer.close();
  }
}

/** The first mirror that has a suite for the architecture; Ubuntu keeps some architectures in another archive. */
async function findSuite(
  suite: string,
  { distribution, components, architecture }: AptScope,
  transfer: Transfer,
  { mirrors, signal, log }: AptOptions,
): Promise<{ archive: ArchiveName; mirror: Mirror }> {
  const answers: string[] = [];
  const refused: unknown[] = [];
  for (const archive of archivesOf(distribution, suite)) {
    let candidates: Mirror[] = [];
    try {
      candidates = mirrorsOf(archive, mirrors);
    } catch (error) {
      refused.push(error);
    }
    for (const mirror of candidates) {
      const answer = await architecturesOf(`${mirror.url}dists/${suite}/InRelease`, transfer, signal);
      const lists = typeof answer !== 'string' && answer.includes(architecture);
      const folder = `${mirror.url}dists/${suite}/${components[0]}/binary-${architecture}`;
      // Ubuntu's Release file lists the architectures of all its archives, in each of them.
      if (lists && (distribution !== 'ubuntu' || (await isThere(`${folder}/Release`, transfer, signal)))) {
        return { archive, mirror };
      }
      const why = typeof answer === 'string' ? answer : `has no ${architecture}`;
      answers.push(`${printable(mirror.url)} (${mirror.namedBy}) ${why}`);
      log(`${suite}: ${answers.at(-1)}`);
    }
  }
  if (answers.length === 0) throw refused[0];
  throw new Failure({
    severity: 'error',
    code: 'archive/no-suite',
    message: `no mirror has '${suite}' for ${architecture}`,
    notes: answers.map((message) => ({ message })),
    ...(distribution === 'ubuntu' && { hint: PORTS }),
  });
}

const PORTS = `Ubuntu keeps arm64 of 25.10 and older in its ports archive: where this machine cannot reach that, set ${mirrorVariable['ubuntu-ports']}`;

/** The archives that may have a suite, the likelier first. */
export function archivesOf(distribution: 'debian' | 'ubuntu', suite: string): ArchiveName[] {
  if (distribution === 'ubuntu') return ['ubuntu', 'ubuntu-ports'];
  return suite.endsWith('-security') ? ['debian-security'] : ['debian'];
}

/** The architectures that an InRelease file lists, or why it cannot be read. Unchecked: apt checks the signature later. */
async function architecturesOf(url: string, transfer: Transfer, signal: AbortSignal): Promise<string[] | string> {
  const answer = await transfer.open(url, 0, signal);
  if (answer.type !== 'bytes') return 'reason' in answer ? answer.reason : 'answered 416';
  let text = '';
  for await (const chunk of answer.body) {
    text += Buffer.from(chunk).toString('latin1');
    const line = /^Architectures:(.*)\n/m.exec(text)?.[1];
    if (line !== undefined) return line.trim().split(/\s+/);
    if (text.length > 100_000) break;
  }
  return 'has no Release file that lists architectures';
}

async function isThere(url: string, transfer: Transfer, signal: AbortSignal): Promise<boolean> {
  const answer = await transfer.open(url, 0, signal);
  if (answer.type !== 'bytes') return false;
  await answer.body[Symbol.asyncIterator]().return?.();
  return true;
}

/** A `file:` mirror is bound into the sandbox, at a place of its own. */
function aptUri(url: string, folders: string[]): string {
  if (!url.startsWith('file:')) return url;
  if (!folders.includes(url)) folders.push(url);
  return `file:${workFolder}/mirror-${folders.indexOf(url)}/`;
}

function originOf({ url }: ExtraArchive): Origin {
  return { archive: 'other', url: slashed(url), uri: slashed(url) };
}

function slashed(url: string): string {
  return `${url.replace(/\/+$/, '')}/`;
}

function layOut(scope: AptScope, sources: readonly Source[], folder: string) {
  for (const each of ['lists/partial', 'cache/archives/partial', 'etc/parts']) {
    mkdirSync(join(folder, each), { recursive: true });
  }
  const keyring = `/usr/share/keyrings/${scope.distribution}-archive-keyring.gpg`;
  const lines = sources.map(
    ({ suite, uri }) =>
      `deb [arch=${scope.architecture} signed-by=${keyring}] ${uri} ${suite} ${scope.components.join(' ')}\n`,
  );
  const others = (scope.archives ?? []).flatMap(({ suites, components, url, key }, index) => {
    const place = `etc/key-${index}.${key.endsWith('.asc') ? 'asc' : 'gpg'}`;
    if (!existsSync(key)) throw fail('archive/no-key', `there is no key file ${key}`, `it is of the archive at ${url}`);
    copyFileSync(key, join(folder, place));
    const options = `arch=${scope.architecture} signed-by=${workFolder}/${place}`;
    return suites.map((suite) => `deb [${options}] ${slashed(url)} ${suite} ${components.join(' ')}\n`);
  });
  writeFileSync(join(folder, 'status'), '');
  writeFileSync(join(folder, 'etc/sources.list'), [...lines, ...others].join(''));
  writeFileSync(join(folder, 'apt.conf'), aptConfiguration(scope.architecture));
  return [
    { source: folder, target: workFolder, writable: true },
    ...sources
      .filter(({ uri }, index) => uri.startsWith('file:') && sources.findIndex((each) => each.uri === uri) === index)
      .map(({ mirror, uri }) => ({ source: new URL(mirror.url).pathname, target: new URL(uri).pathname })),
  ];
}

/** Everything apt would take from the system it runs on is put elsewhere: nothing of the tree or the host influences a lock. */
function aptConfiguration(architecture: string): string {
  return `Dir "${workFolder}";
Dir::Etc "${workFolder}/etc";
Dir::Etc::parts "${workFolder}/etc/parts";
Dir::Etc::sourceparts "${workFolder}/etc/parts";
Dir::Etc::preferencesparts "${workFolder}/etc/parts";
Dir::Etc::trustedparts "${workFolder}/etc/parts";
Dir::State "${workFolder}";
Dir::State::status "${workFolder}/status";
Dir::State::lists "${workFolder}/lists";
Dir::Cache "${workFolder}/cache";
Dir::Bin::methods "/usr/lib/apt/methods";
APT::Architecture "${architecture}";
APT::Architectures { "${architecture}"; };
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
`;
}

type AptRun = (...argv: string[]) => ReturnType<RunInTree>;

async function resolve(apt: AptRun, sources: readonly Origin[], names: readonly string[], deps: boolean) {
  const uris = deps
    ? await apt('apt-get', 'install', '--yes', '--print-uris', '--', ...names)
    : await apt('apt-get', 'download', '--print-uris', '--', ...names);
  if (uris.code !== 0) throw await unresolved(apt, names, uris);
  const debs = parseUris(uris.output, sources);
  const records = await apt('apt-cache', 'show', '--', ...debs.map(({ name, version }) => `${name}=${version}`));
  if (records.code !== 0) throw told('archive/unresolvable', 'apt does not know what it has just resolved', records);
  return complete(debs, records.output).sort((a, b) => compare(a.name, b.name));
}

/** First the base alone, so that what is asked for besides never changes which debs it is made of. */
async function resolveRoot(apt: AptRun, sources: readonly Origin[], names: readonly string[], variant: Variant) {
  const base = await resolve(apt, sources, VARIANTS[variant], true);
  const inBase = new Set(base.map(({ name }) => name));
  const further = names.filter((name) => !inBase.has(name));
  const all = further.length > 0 ? await resolve(apt, sources, [...inBase, ...further], true) : base;
  return all.map((deb): LockedDeb => (inBase.has(deb.name) ? { ...deb, base: true } : deb));
}

/** Lines of --print-uris: `'URL' NAME_VERSION_ARCHITECTURE.deb SIZE HASH`, with `:` of the version as %3a. */
export function parseUris(text: string, sources: readonly Origin[]) {
  return [...text.matchAll(/^'([^']+)' ([^_\s]+)_([^_\s]+)_([^_\s.]+)\.deb \d+/gm)].map(([, url = '', ...parts]) => {
    const [name = '', version = '', architecture = ''] = parts.map((part) => decodeURIComponent(part));
    const source = sources.find(({ uri }) => url.startsWith(uri));
    if (source === undefined) throw new Error(`apt named ${url}, which is below none of its sources`);
    return {
      name,
      version,
      architecture,
      archive: source.archive,
      ...(source.url !== undefined && { url: source.url }),
      path: decodeURIComponent(url.slice(source.uri.length)),
    };
  });
}

/** Adds size and sha256 out of the records of the signed indices. */
function complete(debs: ReturnType<typeof parseUris>, records: string): LockedDeb[] {
  const known = new Map(
    records
      .split(/\n\n+/)
      .map((record) => (name: string) => new RegExp(`^${name}: *(.*)$`, 'm').exec(record)?.[1] ?? '')
      .map((field) => [field('Filename'), { size: Number(field('Size')), sha256: field('SHA256') }] as const),
  );
  return debs.map((deb) => {
    const facts = known.get(deb.path) ?? known.get(`./${deb.path}`);
    if (!facts || !/^[0-9a-f]{64}$/.test(facts.sha256)) throw new Error(`apt has no sha256 of ${deb.path}`);
    return { ...deb, ...facts };
  });
}

async function unresolved(apt: AptRun, names: readonly string[], said: { output: string }) {
  const known = new Set((await apt('apt-cache', 'pkgnames')).output.split('\n'));
  const unknown = names.filter((name) => !name.startsWith('?') && !known.has(name));
  if (unknown.length === 0) return told('archive/unresolvable', `apt finds no way to have all of these`, said);
  return new Failure(
    ...unknown.map((name) => {
      const hint = didYouMean(name, known);
      return {
        severity: 'error' as const,
        code: 'archive/unknown-package',
        message: `there is no package '${name}' in these suites`,
        ...(hint !== undefined && { hint }),
      };
    }),
  );
}

/** A failure in apt's own words. */
function told(code: string, message: string, { output }: { output: string }): Failure {
  const lines = output.split('\n').filter((line) => /^([EW]:| \S|The following|Err:)/.test(line));
  return new Failure({
    ...(fail(code, message).diagnostics[0] as Failure['diagnostics'][number]),
    notes: lines.slice(0, 30).map((line) => ({ message: line.trim() })),
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
