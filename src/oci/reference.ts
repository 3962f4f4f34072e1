/** The name of an image in a registry: `registry/name[:tag][@sha256:...]`, as the OCI Distribution Specification 1.1 has it. */
export interface ImageReference {
  /** Host, and port if there is one: `registry.example:5000`. */
  readonly registry: string;
  /** The repository: `team/app`. */
  readonly name: string;
  /** Absent where a digest is enough. */
  readonly tag?: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest?: string;
}

/** distribution-spec, "Pulling manifests". */
const NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const REGISTRY = /^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?)(:[0-9]{1,5})?$/;
export const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** A reference, or what is wrong with it in words that continue "'...' ". */
export function parseReference(text: string): ImageReference | { readonly fault: string } {
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0) return { fault: 'has more than one @' };
  if (digest !== undefined && !DIGEST.test(digest)) return { fault: 'has a digest that is not sha256: and 64 digits' };
  const slash = named.indexOf('/');
  const registry = named.slice(0, Math.max(0, slash));
  if (slash < 0 || !isRegistry(registry)) return { fault: 'does not begin with a registry' };
  const rest = named.slice(slash + 1);
  const colon = rest.indexOf(':');
  const name = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (!NAME.test(name))
    return { fault: `names the repository '${name}', which has other than lower-case letters and digits` };
  if (tag !== undefined && !TAG.test(tag)) return { fault: `has a tag '${tag}' that no registry takes` };
  if (tag === undefined && digest === undefined) return { fault: 'has neither a tag nor a digest' };
  return { registry, name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

export function formatReference({ registry, name, tag, digest }: ImageReference): string {
  return `${registry}/${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** As in Docker: the first part of a name is a registry when it looks like a host. */
function isRegistry(text: string): boolean {
  return REGISTRY.test(text) && (/[.:]/.test(text) || text === 'localhost');
}
