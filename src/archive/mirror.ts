import { fail } from '../diagnostic.ts';
import type { AptDefaults, ArchiveName } from './apt-defaults.ts';
import { type AptSource, parseAptSources } from './apt-sources.ts';

/** All that may name a mirror, as texts: `host.ts` reads them from the machine, tests write them down. */
export interface MirrorSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The host's `sources.list` and `sources.list.d/*`. */
  readonly aptFiles: readonly { readonly path: string; readonly text: string }[];
  /** The list behind a `mirror+file:` source; undefined when it cannot be read. */
  readonly mirrorList: (path: string) => string | undefined;
  /** What the distribution's own apt knows. */
  readonly defaults: AptDefaults;
}

/** A place where files of an archive may be. */
export interface Mirror {
  /** Ends in a slash; an archive's paths (`pool/...`, `dists/...`) go behind it. */
  readonly url: string;
  /** Who named it, for people: `PIBUILD_DEBIAN_MIRROR`, `/etc/apt/sources.list:3`, `snapshot service`. */
  readonly namedBy: string;
  /** The snapshot service: asked last, and its silence says nothing about whether a file still exists. */
  readonly snapshot: boolean;
}

/** The environment variable that names each archive's mirror; several URLs are separated by spaces. */
export const mirrorVariable: Readonly<Record<ArchiveName, string>> = {
  debian: 'PIBUILD_DEBIAN_MIRROR',
  'debian-security': 'PIBUILD_DEBIAN_SECURITY_MIRROR',
  ubuntu: 'PIBUILD_UBUNTU_MIRROR',
  'ubuntu-ports': 'PIBUILD_UBUNTU_PORTS_MIRROR',
};

/**
 * Where an archive's files may be, the likeliest first: what the environment names and nothing else, or the mirrors of
 * the host's apt and the defaults inside apt; then the snapshot service at `snapshot` (`YYYYMMDDTHHMMSSZ`). An archive
 * that nobody names is looked for beside its main one (`.../debian-security` beside `.../debian`).
 *
 * @throws Failure `archive/no-mirror` when nothing names one.
 */
export function mirrorsOf(archive: ArchiveName, sources: MirrorSources, snapshot?: string): Mirror[] {
  const template = snapshot === undefined ? undefined : sources.defaults.snapshots[archive];
  const all = [
    ...ofEnvironment(archive, sources),
    ...(sources.environment[mirrorVariable[archive]]
      ? []
      : [...ofApt(archive, sources), ...ofDefaults(archive, sources)]),
    ...(template === undefined || snapshot === undefined
      ? []
      : [mirror(template.replace('@SNAPSHOTID@', snapshot), 'snapshot service', true)]),
  ];
  const unique = all.filter((each, index) => all.findIndex(({ url }) => url === each.url) === index);
  if (unique.length > 0) return unique;
  throw fail(
    'archive/no-mirror',
    `nothing on this machine says where the archive '${archive}' is`,
    `set ${mirrorVariable[archive]} to the URL of a mirror, the folder that holds its dists/ and pool/`,
  );
}

/** The distribution a suite belongs to, by its codename; a suite that is neither's is undefined. */
export function distributionOf(suite: string): 'debian' | 'ubuntu' | undefined {
  const codename = suite.replace(/[-/].*$/, '');
  if (DEBIAN.test(codename)) return 'debian';
  return UBUNTU.test(codename) ? 'ubuntu' : undefined;
}

const DEBIAN =
  /^(stretch|buster|bullseye|bookworm|trixie|forky|duke|sid|(oldold|old)?stable|testing|unstable|experimental)$/;
const UBUNTU = /^(xenial|bionic|focal|jammy|kinetic|lunar|mantic|noble|oracular|plucky|questing|resolute|devel)$/;

/** The archive that is another's main one: where it is, its sibling often is too. */
const MAIN: Partial<Record<ArchiveName, ArchiveName>> = { 'debian-security': 'debian', 'ubuntu-ports': 'ubuntu' };

function ofEnvironment(archive: ArchiveName, { environment }: MirrorSources): Mirror[] {
  const named = (name: ArchiveName): Mirror[] =>
    (environment[mirrorVariable[name]] ?? '')
      .split(/\s+/)
      .filter((url) => url !== '')
      .map((url) => mirror(url, mirrorVariable[name]));
  return orBeside(archive, named);
}

function ofApt(archive: ArchiveName, sources: MirrorSources): Mirror[] {
  const entries = sources.aptFiles.flatMap(({ path, text }) => parseAptSources(path, text));
  const named = (name: ArchiveName): Mirror[] =>
    entries
      .flatMap((entry) => urisOf(entry, sources.mirrorList).map((uri) => ({ entry, uri })))
      .filter(({ entry, uri }) => archiveOf(entry, uri) === name)
      .map(({ entry, uri }) => mirror(uri, entry.place));
  return orBeside(archive, named);
}

function ofDefaults(archive: ArchiveName, { defaults }: MirrorSources): Mirror[] {
  const url = defaults.mirrors[archive];
  return url === undefined ? [] : [mirror(url, 'the defaults of apt')];
}

function orBeside(archive: ArchiveName, named: (name: ArchiveName) => Mirror[]): Mirror[] {
  const own = named(archive);
  const main = MAIN[archive];
  if (own.length > 0 || main === undefined) return own;
  return named(main)
    .filter(({ url }) => lastFolder(url) === main)
    .map(({ url, namedBy }) => mirror(`${url.slice(0, -main.length - 1)}${archive}/`, namedBy));
}

/**
 * Which archive an entry is a mirror of. Third parties use the distributions' suite names too, so an entry that is
 * signed by somebody else is left out, and so is one that says nothing of its signer but is not named like an archive.
 */
function archiveOf(entry: AptSource, uri: string): ArchiveName | undefined {
  const suite = entry.suites[0] ?? '';
  const distribution = distributionOf(suite);
  if (distribution === undefined || !entry.components.includes('main')) return undefined;
  if (!isOfficial(entry, uri, distribution)) return undefined;
  if (distribution === 'ubuntu') return /ubuntu-ports/.test(uri) ? 'ubuntu-ports' : 'ubuntu';
  return /-security$|\/updates$/.test(suite) ? 'debian-security' : 'debian';
}

function isOfficial(entry: AptSource, uri: string, distribution: 'debian' | 'ubuntu'): boolean {
  if (entry.keyring !== undefined) return entry.keyring.startsWith(`${distribution}-archive-`);
  return lastFolder(uri).includes(distribution);
}

/** An entry's URLs that can be downloaded from, with `mirror+file:` replaced by what its list names, best first. */
function urisOf(entry: AptSource, mirrorList: MirrorSources['mirrorList']): string[] {
  return entry.uris.flatMap((uri) => {
    if (/^(https?|file):/.test(uri)) return [uri];
    const list = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)?.[1];
    return list === undefined ? [] : parseMirrorList(mirrorList(list) ?? '');
  });
}

/** A mirror list of apt-transport-mirror(1): a URL and tab-separated metadata on each line; a low priority number is better. */
function parseMirrorList(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => /^(https?|file):/.test(line))
    .map((line) => ({
      url: line.split(/\s/)[0] ?? '',
      priority: Number(/\bpriority:(\d+)/.exec(line)?.[1] ?? Number.MAX_SAFE_INTEGER),
    }))
    .sort((a, b) => a.priority - b.priority)
    .map(({ url }) => url);
}

function mirror(url: string, namedBy: string, snapshot = false): Mirror {
  const absolute = url.startsWith('/') ? `file://${url}` : url;
  return { url: `${absolute.replace(/\/+$/, '')}/`, namedBy, snapshot };
}

function lastFolder(url: string): string {
  return url.replace(/\/+$/, '').split('/').at(-1) ?? '';
}
