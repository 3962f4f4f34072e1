import { fail } from '../diagnostic.ts';

/** Where the API of a registry is: `https://host[:port][/path]`, without `/v2/`. */
export type Endpoint = string;

/**
 * The addresses to ask for the images of a registry, the likeliest first: those that `PIBUILD_REGISTRY_MIRROR_<HOST>` names
 * (the host in capitals, `_` for all but letters and digits), then the registry itself.
 *
 * Plain http is for this machine, or said: a mirror may be `http://lan:5000`.
 *
 * @throws Failure `oci/mirror` for a variable that is no address
 */
export function endpointsOf(registry: string, environment: NodeJS.ProcessEnv): Endpoint[] {
  const variable = mirrorVariable(registry);
  const said = (environment[variable] ?? '').split(/[\s,]+/).filter((word) => word !== '');
  const mirrors = said.map((word) => mirrorOf(word, variable));
  const own = `${isLoopback(registry) ? 'http' : 'https'}://${registry}`;
  const same = mirrors.some((each) => new URL(each).host === registry);
  return [...mirrors, ...(same ? [] : [own])];
}

export function mirrorVariable(registry: string): string {
  return `PIBUILD_REGISTRY_MIRROR_${registry.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

function mirrorOf(word: string, variable: string): Endpoint {
  const address = /^https?:\/\//.test(word) ? word : `https://${word}`;
  if (URL.canParse(address)) return address.replace(/\/+$/, '').replace(/\/v2$/, '');
  throw fail('oci/mirror', `${variable} names '${word}', which is no address`, 'write https://host:port/path');
}

function isLoopback(registry: string): boolean {
  return /^(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?$/.test(registry);
}
