import type { ArchiveName } from './apt-defaults.ts';
import type { MirrorSources } from './mirror.ts';

/** The script of debootstrap that all newer releases of Ubuntu are links to. */
export const DEBOOTSTRAP_SCRIPT = /usr\/share\/debootstrap\/scripts\/gutsy$/;

/**
 * The mirrors that debootstrap's own script names for Ubuntu: the main archive, and the one of the ports, which has had
 * arm64 up to 24.04. What apt knows goes before.
 */
export function withDebootstrap(sources: MirrorSources, script: string): MirrorSources {
  const named: Partial<Record<ArchiveName, string>> = {};
  for (const [, url = '', archive] of script.matchAll(/default_mirror (https?:\/\/\S+\/(ubuntu|ubuntu-ports))\/?\s/g)) {
    named[archive as ArchiveName] ??= `${url}/`;
  }
  const { defaults } = sources;
  return { ...sources, defaults: { ...defaults, mirrors: { ...named, ...defaults.mirrors } } };
}
