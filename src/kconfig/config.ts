import type { Values } from './expression.ts';

/**
 * A `.config` file: the values of all symbols that are set, without `CONFIG_`, strings in their quotes. What
 * `is not set` is n, as what is absent.
 */
export function parseConfig(text: string): Values {
  const values = new Map<string, string>();
  for (const match of text.matchAll(/^(?:CONFIG_(\w+)=(.*)|# CONFIG_(\w+) is not set)$/gm)) {
    const [, name, value = '', unset] = match;
    if (name !== undefined) values.set(name, value);
    else if (unset !== undefined) values.set(unset, 'n');
  }
  return values;
}
