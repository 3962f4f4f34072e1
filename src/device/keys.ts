/** What a key, or a run of them, does in a terminal that is the guest's console. */
export type Keys =
  | { readonly do: 'type'; readonly bytes: Buffer }
  | { readonly do: 'leave' | 'monitor' | 'help' | 'break' };

const ESCAPE = 0x01;

const COMMANDS: Readonly<Record<string, Exclude<Keys['do'], 'type'>>> = {
  x: 'leave',
  c: 'monitor',
  h: 'help',
  '?': 'help',
  b: 'break',
};

export const keysHelp = [
  'Ctrl-A h       this help',
  'Ctrl-A x       leave: switches the emulated board off',
  "Ctrl-A c       to QEMU's monitor, and back to the console",
  'Ctrl-A b       send a break',
  'Ctrl-A Ctrl-A  send Ctrl-A',
];

/** Tells what is typed for the guest from what is for us, with QEMU's own keys: Ctrl-A and a letter. */
export function keyReader(): (chunk: Buffer) => Keys[] {
  let escaped = false;
  return (chunk) => {
    const read: Keys[] = [];
    let start = 0;
    const flush = (end: number): void => {
      if (end > start) read.push({ do: 'type', bytes: chunk.subarray(start, end) });
      start = end + 1;
    };
    for (const [at, byte] of chunk.entries()) {
      if (escaped) {
        escaped = false;
        // The second Ctrl-A is left to be sent with what follows.
        if (byte === ESCAPE) start = at;
        else {
          const command = COMMANDS[String.fromCharCode(byte).toLowerCase()];
          if (command !== undefined) read.push({ do: command });
          start = at + 1;
        }
      } else if (byte === ESCAPE) {
        flush(at);
        escaped = true;
      }
    }
    if (!escaped) flush(chunk.length);
    return read;
  };
}
