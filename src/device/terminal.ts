import { keyReader, keysHelp } from './keys.ts';
import type { Qemu } from './qemu.ts';
import type { TerminalGuard } from './terminal-guard.ts';

/** A process's standard input, as far as a console needs it. */
export type TerminalInput = NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?(on: boolean): unknown };

/** What ended it: the user left, the emulator ended, or nobody reads the output any more. */
export type Detached = 'left' | 'ended' | 'closed';

/**
 * Makes this terminal the guest's console until the user leaves or the emulator ends. The terminal is in raw mode
 * meanwhile, and as before afterwards, whatever happens. An input that is no terminal goes to the guest as it is; where
 * it ends, the guest goes on. `guarded` gives who restores the terminal should this process be killed. Throws the signal's
 * reason when it aborts.
 */
export async function attachTerminal(
  board: Pick<Qemu, 'console' | 'monitor' | 'control' | 'ended'>,
  input: TerminalInput,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
  guarded?: () => Promise<TerminalGuard>,
): Promise<Detached> {
  signal.throwIfAborted();
  const raw = input.isTTY === true && input.setRawMode !== undefined;
  const undo: (() => void)[] = [];
  const done = new Promise<Detached>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    undo.push(() => signal.removeEventListener('abort', abort));
    undo.push(on(output, 'error', () => resolve('closed')));
    board.ended.then(() => resolve('ended'), reject);
    const typed = raw ? typist(board, output, () => resolve('left')) : (chunk: Buffer) => board.console.write(chunk);
    undo.push(on(input, 'data', (chunk) => typed(chunk as Buffer)));
  });
  let guard: TerminalGuard | undefined;
  try {
    board.console.pipe(output, { end: false });
    if (raw) {
      guard = await guarded?.().catch(() => undefined);
      input.setRawMode?.(true);
      guard?.watch();
    }
    input.resume();
    return await done;
  } finally {
    board.console.unpipe(output);
    board.monitor.unpipe(output).resume();
    for (const each of undo) each();
    if (raw) {
      input.setRawMode?.(false);
      guard?.dismiss();
      // The guest's prompt is most likely in this line.
      output.write('\n');
    }
    input.pause();
  }
}

/** Does what is typed: on the console, in QEMU's monitor, or with us. */
function typist(
  board: Pick<Qemu, 'console' | 'monitor' | 'control'>,
  output: NodeJS.WritableStream,
  leave: () => void,
): (chunk: Buffer) => void {
  const read = keyReader();
  let focus: 'console' | 'monitor' = 'console';
  const say = (lines: readonly string[]): void => {
    output.write(`\r\n${lines.join('\r\n')}\r\n`);
  };
  return (chunk) => {
    for (const keys of read(chunk)) {
      if (keys.do === 'type') board[focus].write(keys.bytes);
      else if (keys.do === 'leave') leave();
      else if (keys.do === 'help') say(keysHelp);
      else if (keys.do === 'break') board.control.execute('chardev-send-break', { id: 'console' }).catch(() => {});
      else if (focus === 'monitor') {
        focus = 'console';
        board.monitor.unpipe(output).resume();
        say(["[the guest's console]"]);
      } else {
        focus = 'monitor';
        say(["[QEMU's monitor; Ctrl-A c goes back]"]);
        board.monitor.pipe(output, { end: false });
        // Enter brings the prompt.
        board.monitor.write('\n');
      }
    }
  };
}

function on(stream: NodeJS.EventEmitter, event: string, listener: (value: unknown) => void): () => void {
  stream.on(event, listener);
  return () => stream.off(event, listener);
}
