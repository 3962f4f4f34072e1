/** Reads apt's lists of sources, both the one-line format and deb822; see sources.list(5). Pure: texts in, entries out. */

/** One repository that a host's apt is told about. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** File name of the keyring that signs it, or undefined when the entry names none or holds the key itself. */
  readonly keyring?: string;
  /** `file:line`, for people. */
  readonly place: string;
}

/** The entries of one file, read as deb822 when its name ends in `.sources`, else line by line. What apt skips is skipped. */
export function parseAptSources(path: string, text: string): AptSource[] {
  return path.endsWith('.sources') ? parseDeb822(path, text) : parseLines(path, text);
}

const LINE = /^\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+\S+)*)\s*$/;

function parseLines(path: string, text: string): AptSource[] {
  const entries: AptSource[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const match = LINE.exec(line.replace(/#.*$/, ''));
    if (!match) continue;
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    entries.push({
      uris: [uri],
      suites: [suite],
      components: words(components),
      ...keyring(signedBy),
      place: `${path}:${index + 1}`,
    });
  }
  return entries;
}

function parseDeb822(path: string, text: string): AptSource[] {
  return stanzas(text).flatMap(({ line, fields }) => {
    if (/^(no|false|without|off|disable|0)$/i.test(fields.get('enabled') ?? '')) return [];
    const uris = words(fields.get('uris'));
    const suites = words(fields.get('suites'));
    if (uris.length === 0 || suites.length === 0 || !/\bdeb\b/.test(fields.get('types') ?? '')) return [];
    return [
      {
        uris,
        suites,
        components: words(fields.get('components')),
        ...keyring(fields.get('signed-by')),
        place: `${path}:${line}`,
      },
    ];
  });
}

/** Stanzas of a deb822 text: fields by lower-case name, continuation lines joined by newlines, `#` lines left out. */
function stanzas(text: string): { line: number; fields: Map<string, string> }[] {
  const found: { line: number; fields: Map<string, string> }[] = [];
  let current: { line: number; fields: Map<string, string> } | undefined;
  let field = '';
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('#')) continue;
    if (line.trim() === '') {
      current = undefined;
      continue;
    }
    if (current === undefined) {
      current = { line: index + 1, fields: new Map() };
      found.push(current);
    }
    const match = /^([^\s:]+):(.*)$/.exec(line);
    if (match) {
      field = (match[1] ?? '').toLowerCase();
      current.fields.set(field, (match[2] ?? '').trim());
    } else {
      current.fields.set(field, `${current.fields.get(field) ?? ''}\n${line.trim()}`);
    }
  }
  return found;
}

/** An inline key (it spans lines) has no name; several keyrings are named by the first. */
function keyring(signedBy: string | undefined): { keyring?: string } {
  if (signedBy === undefined || signedBy.includes('\n') || !signedBy.startsWith('/')) return {};
  const name = words(signedBy.replaceAll(',', ' '))[0]?.split('/').at(-1);
  return name === undefined ? {} : { keyring: name };
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}
