import { randomBytes } from 'node:crypto';
import { Failure, fail } from '../diagnostic.ts';
import type { Console, Position } from './console.ts';
import { clean, unhide, withoutKernelMessages } from './transcript.ts';

/** How a command ended on the guest. */
export interface CommandResult {
  /** What it printed (standard output and error), without escape sequences and without the kernel's messages. */
  readonly output: string;
  /** Absent: it did not end in time, and was interrupted. */
  readonly exitCode?: number;
}

/** A shell on the guest's serial console. One command at a time. */
export interface Shell {
  /**
   * Runs a command line to its end, or until its time (milliseconds, before scaling) is over. Throws a `Failure` when
   * the console is lost, and `device/shell-stuck` when an earlier command could not be interrupted.
   */
  run(command: string, timeout: number): Promise<CommandResult>;
}

/** What the guest's shell or login may take for an answer, milliseconds before scaling. */
export const REPLY = 60_000;

/** How long a program that is in the background may still hold the console, and how long an interrupted one. */
const LINGER = 2_000;
const INTERRUPTED = 10_000;

/** So many characters before a new piece are looked at again: a mark with kernel messages in it may begin there. */
const OVERLAP = 4096;

/** Bytes of a command in one line: as octal escapes, well below the 4096 of a terminal's line. */
const PIECE = 200;

/**
 * Puts a shell without prompt, echo and editing in the place of the one at the prompt. Ctrl-C ends what it runs, not it.
 *
 * So that a command and its output get through whole, whatever the kernel prints in between:
 * - the command is typed as octal escapes in short lines, each acknowledged;
 * - marks are printed by way of `$((...))`, so that the echo of what is typed never looks like one;
 * - `[` and ESC of the output come as RS and US: what then looks like a kernel message is one, and is taken out.
 */
export async function openShell(console: Console, nonce = randomBytes(3).toString('hex')): Promise<Shell> {
  let count = 0;
  let stuck = false;
  const next = (): Mark => {
    count += 1;
    return { typed: `pibuild-$((${count}+0))-${nonce}`, printed: `pibuild-${count}-${nonce}` };
  };
  const acknowledged = async (line: string): Promise<void> => {
    const { typed, printed } = next();
    const since = console.position;
    console.send(`${line.replace('MARK', () => typed)}\n`);
    const seen = (text: string): true | undefined => withoutKernelMessages(text).includes(printed) || undefined;
    await console.waitFor(seen, { timeout: REPLY, what: "the shell's answer", since });
  };
  const run: Shell['run'] = async (command, timeout) => {
    if (stuck) throw fail('device/shell-stuck', 'an earlier command that could not be interrupted holds the console');
    let before = '';
    for (const piece of pieces(command)) {
      await acknowledged(`c=${before}$(printf %b '${piece}x'); echo MARK`);
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the guest's shell expands it.
      before = '${c%x}';
    }
    const mark = next();
    const since = console.position;
    console.send(`${runLine(mark.typed)}\n`);
    const { free, ...result } = await outcome(console, { mark: mark.printed, since, timeout });
    stuck = !free;
    return result;
  };

  await acknowledged(
    `exec sh -c 'trap : INT QUIT; stty -echo; export TERM=dumb; echo MARK; ` +
      `while IFS= read -r line || [ $? -gt 1 ]; do eval "$line"; done'`,
  );
  return { run };
}

/** The command's bytes as `printf %b` takes them, in pieces that fit a terminal's line. */
export function pieces(command: string): string[] {
  const bytes = [...Buffer.from(command)].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9 _.,:;=+/@~-]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`;
  });
  const count = Math.max(1, Math.ceil(bytes.length / PIECE));
  return Array.from({ length: count }, (_, index) => bytes.slice(index * PIECE, (index + 1) * PIECE).join(''));
}

/** What a console has shown of a command so far. */
export interface Shown extends CommandResult {
  /** The shell takes the next command. */
  readonly free: boolean;
}

/** Reads what was printed since a command was started. */
export function readShown(text: string, mark: string): Shown {
  const quiet = withoutKernelMessages(text);
  const begin = quiet.indexOf(`${mark}<\n`);
  if (begin < 0) return { output: '', free: false };
  const body = quiet.slice(begin + mark.length + 2);
  const exit = new RegExp(`\\n${mark}=(\\d+)\\n`).exec(body);
  const end = body.indexOf(`${mark}>`);
  const output = exit ? body.slice(0, exit.index) : body.slice(0, end < 0 ? body.length : end);
  return {
    output: clean(unhide(output)),
    free: end >= 0,
    ...(exit && { exitCode: Number(exit[1]) }),
  };
}

/** The lines of a console without those that only the shell and we needed. */
export function withoutMarks(lines: readonly string[]): string[] {
  return lines.filter((line) => !/^pibuild-\d+-[0-9a-f]{6}(?:[<>]|=\d+)?$/.test(line));
}

interface Mark {
  readonly typed: string;
  readonly printed: string;
}

/** The line that runs `$c`: mark and `<`, the output, mark, `=` and exit code, mark and `>`. */
function runLine(mark: string): string {
  const command = `sh -c "\${c%x}" </dev/null 2>&1`;
  const exit = `printf '\\n%s=%d\\n' "${mark}" $?`;
  // tr, since it passes everything on at once: sed would hold the last line back until it knows that it is the last.
  return `echo "${mark}<"; { ${command}; ${exit}; } | tr '\\033\\133' '\\037\\036'; echo "${mark}>"`;
}

interface Running {
  readonly mark: string;
  readonly since: Position;
  readonly timeout: number;
}

/** Waits for the end of a command, and sees to it that the shell is free again. */
async function outcome(console: Console, { mark, since, timeout }: Running): Promise<Shown> {
  const shown = (): Shown => readShown(console.textSince(since), mark);
  const until = async (done: (shown: Shown) => boolean, limit: number): Promise<boolean> => {
    let looked = 0;
    const find = (text: string): true | undefined => {
      // Much output comes in many pieces: all of it is read again only when a mark has come.
      const fresh = withoutKernelMessages(text.slice(Math.max(0, looked - OVERLAP)));
      looked = text.length;
      return (fresh.includes(mark) && done(readShown(text, mark))) || undefined;
    };
    return inTime(console.waitFor(find, { since, timeout: limit, what: 'the end of the command' }));
  };
  const free = (state: Shown): boolean => state.free;
  const ended = await until((state) => state.exitCode !== undefined, timeout);
  // What the command left in the background may hold the pipe to sed open: Ctrl-C ends sed, not what is in the background.
  if (ended && (await until(free, LINGER))) return shown();
  for (const key of ['\x03', '\x1c']) {
    console.send(key);
    if (await until(free, INTERRUPTED)) break;
  }
  const { exitCode, ...late } = shown();
  return ended && exitCode !== undefined ? { ...late, exitCode } : late;
}

/** Whether something came before its time limit; other failures stay failures. */
async function inTime(waiting: Promise<unknown>): Promise<boolean> {
  try {
    await waiting;
    return true;
  } catch (error) {
    if (error instanceof Failure && error.diagnostics[0]?.code === 'device/timeout') return false;
    throw error;
  }
}
