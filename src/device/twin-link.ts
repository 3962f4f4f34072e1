import { setTimeout as delay } from 'node:timers/promises';
import { type Failure, fail } from '../diagnostic.ts';
import { refused, type TwinLink, type TwinOrder } from './live-hats.ts';
import type { Shell } from './shell.ts';
import { NO_CONNECTION, type Remote, type SshOptions, startOverSsh } from './ssh.ts';

/** How long one order may take on the board, milliseconds: it is a matter of a moment there. */
const ORDER = 60_000;

/** By the shell on the serial console, which checks use. */
export function consoleLink(shell: Shell): TwinLink {
  return {
    open: async () => {},
    send: async (orders) => {
      const command = orders.map((words) => ['i2c-twin', ...words].map(quoted).join(' ')).join(' && ');
      const { exitCode, output } = await shell.run(command, ORDER);
      if (exitCode !== 0) throw refused(output.trim().replace(/^(i2c-twin|hat-gpio): /, ''));
      return output;
    },
    restarted: () => {},
    close: () => {},
  };
}

/** A board that is still starting lets nobody in: how often that is tried again, and after what pause (milliseconds). */
const PATIENCE = { times: 90, pause: 1000 };

/**
 * By SSH: the connection is made for the first order and kept for those that follow, so that each takes milliseconds. The
 * board is waited for while it starts.
 */
export function sshLink(options: Omit<SshOptions, 'onLine'>): TwinLink {
  let feed: Feed | undefined;
  let closed = false;
  const close = (): void => {
    feed?.close();
    feed = undefined;
  };
  const open = async (): Promise<Feed> => {
    if (feed?.over) close();
    feed ??= await connect(options, () => closed);
    return feed;
  };
  return {
    open: async () => void (await open()),
    send: async (orders) => {
      const printed: string[] = [];
      for (const order of orders) {
        // A board that shuts down ends the connection before it starts anew: it is waited for, once.
        const said = (await (await open()).order(order)) ?? (await (await open()).order(order));
        if (said === undefined) throw lost();
        printed.push(said);
      }
      return printed.join('\n');
    },
    restarted: close,
    close: () => {
      closed = true;
      close();
    },
  };
}

interface Feed {
  readonly over: boolean;
  /** What it printed. Undefined: the connection ended before the answer came. Throws a `Failure` with what the board says. */
  order(order: TwinOrder): Promise<string | undefined>;
  close(): void;
}

async function connect(options: Omit<SshOptions, 'onLine'>, isClosed: () => boolean): Promise<Feed> {
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted();
    const { feed, code, said } = await openFeed(options);
    if (feed !== undefined) return feed;
    const starting = code === NO_CONNECTION && /reset|refused|closed|timed out/i.test(said);
    if (!starting || attempt >= PATIENCE.times || isClosed()) throw noFeed(code, said);
    await delay(PATIENCE.pause, undefined, { signal: options.signal });
  }
}

function lost(): Failure {
  return fail('device/ssh', 'the connection to the board ended');
}

function noFeed(code: number, said: string): Failure {
  if (code === 127)
    return fail('device/no-twin', 'there is no i2c-twin on the board', 'its image was made without the overlay `hats`');
  const hint = /denied/i.test(said) ? 'the board lets in who has a key of its `sshKeys`' : undefined;
  return fail('device/ssh', `cannot get into the board by SSH: ${said || 'no answer'}`, hint);
}

interface Opened {
  /** Absent: it ended before it was ready, so with `code`. */
  readonly feed?: Feed;
  readonly code: number;
  readonly said: string;
}

/** `i2c-twin feed` on the board: it says `ready`, and then one line for each that it gets. */
async function openFeed(options: Omit<SshOptions, 'onLine'>): Promise<Opened> {
  const said: string[] = [];
  const waiting: ((line: string | undefined) => void)[] = [];
  let over = false;
  const answer = (): Promise<string | undefined> =>
    over ? Promise.resolve(undefined) : new Promise((resolve) => waiting.push(resolve));
  const onLine = (line: string): void => {
    said.push(line);
    waiting.shift()?.(line);
  };
  const ready = answer();
  const remote: Remote = await startOverSsh({ ...options, onLine }, 'exec i2c-twin feed');
  const ended = remote.ended.then(({ code }) => {
    over = true;
    for (const resolve of waiting.splice(0)) resolve(undefined);
    return code;
  });
  if ((await ready) !== 'ready') {
    const first = said.join('; ');
    return { code: await ended, said: said.join('; ') || first };
  }
  return {
    code: 0,
    said: '',
    feed: {
      get over() {
        return over;
      },
      order: async (order) => {
        remote.input.write(`${order.join('\t')}\n`);
        const line = await inTime(answer(), remote);
        if (line === undefined) return undefined;
        const [, verdict, said = ''] = /^(ok|error)(?: (.*))?$/.exec(line) ?? [];
        if (verdict !== 'ok') throw refused(said || line);
        return said.replaceAll('\t', '\n');
      },
      close: remote.close,
    },
  };
}

/** An answer, or undefined when none comes: then the connection is given up. */
async function inTime(answer: Promise<string | undefined>, remote: Remote): Promise<string | undefined> {
  const timer = setTimeout(() => remote.close(), ORDER);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
