import { relative, resolve } from 'node:path';
import { type EmulatedBoard, powerOn } from '../device/emulator.ts';
import { chooseForwards, type Forward, parseForward, sshLine } from '../device/forward.ts';
import { endFailure } from '../device/qemu.ts';
import { rememberRunning } from '../device/running.ts';
import { keepSerialLog } from '../device/serial-log.ts';
import { attachTerminal } from '../device/terminal.ts';
import { guardTerminal } from '../device/terminal-guard.ts';
import { fail, unwrap } from '../diagnostic.ts';
import { changeValues } from '../hat/change.ts';
import { gpioWords } from '../hat/gpio.ts';
import type { Hat } from '../hat/hat.ts';
import type { Timeline } from '../hat/timeline.ts';
import { twinWords } from '../hat/twin.ts';
import type { CardIdentity } from '../image/card-identity.ts';
import type { Context } from './context.ts';
import { type ReadyBoard, readyBoard } from './emulate.ts';
import { openHatDesk, readWishes } from './hat-desk.ts';
import { parseIdentity } from './identity-option.ts';
import { type Call, exitCodes } from './verb.ts';

export interface RunOptions {
  /** Keeps what the guest writes for the next run. */
  readonly persist?: boolean;
  /** Bytes; at most what the board has. */
  readonly memory?: number;
  /** Bytes, a power of two; absent: as the image. */
  readonly cardSize?: number;
  readonly cpus?: number;
  /** Files that the guest gets as disks on USB. */
  readonly disk?: readonly string[];
  /** `2222:22`, `0.0.0.0:8080:80/tcp`. */
  readonly forward?: readonly string[];
  /** Words for the kernel, after the card's own. */
  readonly append?: string;
  /** What the HATs measure from the start: `enviro-phat.bmp280.temperature=31.5`. */
  readonly set?: readonly string[];
  /** A file that says what they measure over time. */
  readonly timeline?: string;
  /** Without a console here: the serial log has it. */
  readonly headless?: boolean;
  /** What makes this board another one than those with the same image. */
  readonly identity?: string;
  /** Boots this instead of the board's own image. */
  readonly image?: string;
}

/** Boots a board's image in the emulator, with its serial console in this terminal. */
export async function run(context: Context, { arguments: [name = ''], options }: Call<RunOptions>): Promise<number> {
  const identity = options.identity === undefined ? undefined : parseIdentity(options.identity, context.cwd);
  const forwards = options.forward?.map(parseForward) ?? [];
  // What is wrong with these is told before anything is built.
  const timeline = await readWishes(context, name, options);
  const ready = await readyBoard(context, name, options.image);
  if (ready === undefined) return exitCodes.failed;
  const hats = unwrap(changeValues(ready.hats, options.set ?? []));
  try {
    const emulated = await switchOn(context, ready, hats, options, { forwards, ...(identity && { identity }) });
    try {
      return await beItsConsole(context, ready, hats, emulated, options.headless ?? false, timeline);
    } finally {
      await emulated.stop();
    }
  } finally {
    await ready.close();
  }
}

async function switchOn(
  context: Context,
  ready: ReadyBoard,
  hats: readonly Hat[],
  options: RunOptions,
  { forwards: wanted, identity }: { forwards: readonly Forward[]; identity?: CardIdentity },
): Promise<EmulatedBoard> {
  const { board, emulator, image, tools, paths } = ready;
  const networked = emulator.usbNetwork !== false;
  if (!networked && wanted.length > 0) {
    throw fail('device/no-network', `board '${board.name}' has no network to forward ports to`);
  }
  const limits = {
    ...(options.cpus !== undefined && { cpus: options.cpus }),
    ...(options.memory !== undefined && { memory: options.memory }),
  };
  return powerOn({
    image,
    emulator,
    hats,
    tools,
    output: paths.output(board.name),
    ...(options.persist && { persist: paths.keptCard(board.name) }),
    ...(options.cardSize !== undefined && { cardSize: options.cardSize }),
    ...(identity && { identity }),
    limits,
    append: [...twinWords(ready.hats, hats), ...gpioWords(ready.hats, hats), ...(options.append?.split(/\s+/) ?? [])],
    forwards: networked ? await chooseForwards(wanted, (emulator.forwards ?? []).map(parseForward)) : [],
    disks: (options.disk ?? []).map((file) => resolve(context.cwd, file)),
    reboots: true,
    signal: context.signal,
    onLine: (line) => context.stderr.write(`${line}\n`),
  });
}

async function beItsConsole(
  context: Context,
  ready: ReadyBoard,
  hats: readonly Hat[],
  emulated: EmulatedBoard,
  headless: boolean,
  timeline: Timeline | undefined,
): Promise<number> {
  const { board, paths, tools } = ready;
  const { signal, stderr, stdin, stdout } = context;
  const problem = (message: string): unknown => stderr.write(`warning: ${message}\n`);
  const log = await keepSerialLog(emulated.console, paths.serialLog(board.name, 'run'), problem);
  const forget = rememberRunning(paths.output(board.name), emulated.forwards);
  const hatDesk = await openHatDesk(context, ready, hats, emulated, problem);
  try {
    announce(context, emulated, { board: board.name, log: log.path, headless });
    if (timeline !== undefined) hatDesk.play(timeline);
    if (headless) await untilEnded(emulated, signal);
    else await attachTerminal(emulated, stdin, stdout, signal, () => guardTerminal(tools.bubblewrap, signal));
  } finally {
    hatDesk.close();
    forget();
    await emulated.stop();
    await log.close();
  }
  const end = await emulated.ended;
  if (end.reason !== 'died') return exitCodes.ok;
  throw endFailure(end);
}

/** What a person or a program needs to know of the board that is now on. */
function announce(
  { cwd, options, stderr, stdin, stdout }: Context,
  { cmdline, forwards, kept, machine, pid }: EmulatedBoard,
  { board, log, headless }: { board: string; log: string; headless: boolean },
): void {
  const ssh = sshLine(forwards);
  if (options.json) {
    const event = { type: 'emulator-started', at: Date.now(), board, pid: process.pid, emulator: pid, forwards, log };
    stdout.write(`${JSON.stringify({ ...event, cmdline, ...(ssh !== undefined && { ssh }) })}\n`);
    return;
  }
  if (options.quiet) return;
  const others = forwards.filter(({ guest }) => guest !== 22);
  const lines = [
    `${board} on an emulated ${machine.title}${kept ? ', with what it wrote before' : ''}`,
    ...(ssh === undefined ? [] : [`  ssh:      ${ssh}`]),
    ...others.map(({ address, host, guest, protocol }) => `  forward:  ${address}:${host} to ${guest}/${protocol}`),
    `  log:      ${relative(cwd, log)}`,
    headless || stdin.isTTY !== true
      ? `  stop it:  kill ${process.pid}`
      : '  keys:     Ctrl-A x leaves, Ctrl-A h shows the others',
  ];
  stderr.write(`${lines.join('\n')}\n`);
}

function untilEnded(emulated: EmulatedBoard, signal: AbortSignal): Promise<unknown> {
  const aborted = new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([emulated.ended, aborted]);
}
