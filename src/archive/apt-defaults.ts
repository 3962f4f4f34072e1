import type { LockedDeb } from '../recipe/model.ts';

/** Name of a distribution's archive: what stands below one mirror URL. */
export type ArchiveName = Exclude<LockedDeb['archive'], 'other'>;

/** What apt itself knows: libapt-pkg 2.8 and later carries the snapshot services' addresses and the main mirrors' names. */
export interface AptDefaults {
  /** URL templates with `@SNAPSHOTID@` in them. */
  readonly snapshots: Partial<Record<ArchiveName, string>>;
  readonly mirrors: Partial<Record<ArchiveName, string>>;
}

export const noDefaults: AptDefaults = { snapshots: {}, mirrors: {} };

/**
 * The defaults compiled into a libapt-pkg (`Acquire::Snapshots::URI` in apt-pkg/init.cc): the templates are C strings of
 * the library's read-only data. Finds nothing in libraries older than these settings.
 */
export function readAptDefaults(library: Uint8Array): AptDefaults {
  const bytes = Buffer.from(library.buffer, library.byteOffset, library.byteLength);
  const snapshots: Partial<Record<ArchiveName, string>> = {};
  const mirrors: Partial<Record<ArchiveName, string>> = {};
  for (const text of stringsWith(bytes, '/@SNAPSHOTID@/')) {
    const archive = /^https?:\/\/\S+\/(debian-security|debian|ubuntu)\/@SNAPSHOTID@\/$/.exec(text)?.[1];
    if (archive !== undefined) snapshots[archive as ArchiveName] = text;
  }
  for (const text of stringsWith(bytes, 'Acquire::Snapshots::URI::Host::')) {
    const host = /::Host::([a-z0-9][a-z0-9.-]*)$/.exec(text)?.[1];
    if (host === undefined || /(^|\.)(security|ppa)\./.test(host)) continue;
    if (/\bdebian\b/.test(host)) addHost(mirrors, host, ['debian', 'debian-security']);
    else if (/\bubuntu\b/.test(host)) addHost(mirrors, host, ['ubuntu']);
  }
  // The one service of Ubuntu keeps the architectures of the ports archive too.
  if (snapshots.ubuntu !== undefined) snapshots['ubuntu-ports'] = snapshots.ubuntu;
  return { snapshots, mirrors };
}

function addHost(mirrors: Partial<Record<ArchiveName, string>>, host: string, archives: readonly ArchiveName[]): void {
  for (const archive of archives) mirrors[archive] ??= `http://${host}/${archive}/`;
}

/** The NUL-ended strings of a binary that contain a text. */
function stringsWith(bytes: Buffer, part: string): string[] {
  const found: string[] = [];
  for (let at = bytes.indexOf(part); at >= 0; at = bytes.indexOf(part, at + 1)) {
    const start = bytes.lastIndexOf(0, at) + 1;
    const end = bytes.indexOf(0, at);
    found.push(bytes.toString('latin1', start, end < 0 ? bytes.length : end));
  }
  return found;
}
