import { once } from 'node:events';
import { start } from '../build/command.ts';
import { LIFE, throughLoader } from '../build/sandbox.ts';

/** Gives a terminal back that this process could not give back itself, since it was killed. */
export interface TerminalGuard {
  /** The terminal is now as it must not stay. */
  watch(): void;
  /** The terminal was given back. */
  dismiss(): void;
}

/**
 * Starts a process that remembers how the terminal of our standard input is, and makes it so again when this process dies;
 * unless a shell was quicker, and the terminal is not any more as it was while we had it. `tree` has bash and stty.
 */
export async function guardTerminal(tree: string, signal: AbortSignal): Promise<TerminalGuard> {
  const stty = throughLoader(tree, 'usr/bin/stty');
  const argv = [...throughLoader(tree, 'usr/bin/bash'), '-c', WATCH, 'bash', ...stty];
  const { channels } = await start({ argv, signal, channels: 1, terminal: true, onLine: () => {} });
  const [life] = channels;
  life?.on('error', () => {});
  // Without it all goes well too, but for a kill -9.
  if (life) await Promise.race([once(life, 'data'), once(life, 'close')]).catch(() => {});
  return {
    watch: () => void life?.write('watch\n'),
    dismiss: () => void life?.end('dismissed\n'),
  };
}

const WATCH = `
before=$("$@" -g) && echo ready >&${LIFE} || exit
read -r _ <&${LIFE} && raw=$("$@" -g)
read -r _ <&${LIFE} || { [ "$("$@" -g)" = "\${raw-$("$@" -g)}" ] && "$@" "$before"; }
`;
