import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type Ended, killGroup, start } from '../build/command.ts';
import { type Failure, fail } from '../diagnostic.ts';
import { channels } from './qemu-arguments.ts';
import { openQmp, type Qmp } from './qmp.ts';

/** How an emulator ended: the guest switched off or rebooted, we stopped it, or it was killed or crashed. */
export interface EmulatorEnd {
  readonly reason: 'guest-shutdown' | 'guest-reset' | 'guest-panic' | 'stopped' | 'died';
  /** What QEMU said last, when it died. */
  readonly message?: string;
}

/** A running QEMU. */
export interface Qemu {
  readonly pid: number;
  readonly control: Qmp;
  readonly console: Duplex;
  /** QEMU's monitor for people. */
  readonly monitor: Duplex;
  readonly ended: Promise<EmulatorEnd>;
  /** Ends it, gently for a moment, and returns when it is gone. */
  stop(): Promise<void>;
}

export interface QemuOptions {
  readonly argv: readonly string[];
  /** Ends QEMU at once. */
  readonly signal: AbortSignal;
  /** What QEMU says about the host's side: a full disk, for one. */
  readonly onLine: (line: string) => void;
}

/** Why nothing more comes from a board whose emulator ended. */
export function endFailure({ reason, message }: EmulatorEnd): Failure {
  const causes = {
    'guest-shutdown': 'the guest switched it off',
    'guest-reset': 'the guest rebooted it',
    'guest-panic': "the guest's kernel gave up",
    stopped: 'it was switched off',
    died: message ?? 'the emulator ended by itself',
  };
  return fail('device/stopped', `the emulated board stopped: ${causes[reason]}`);
}

/** How many milliseconds QEMU may take to end when it is asked to. */
const GENTLE = 3000;

/**
 * QEMU's complaints about what guests ask of its USB network adapter, and about packets for one that has none yet: who
 * knocks while a board starts knocks again. They mean nothing.
 */
const NOISE = /^(usbnet: failed control transaction|qemu-system-aarch64: Slirp: Failed to send packet)/;

/**
 * What QEMU says when the file of the card cannot be written to or read, most often since the disk is full. It does not
 * tell the guest, which would go on with what is lost: so that is the end.
 */
const CARD_FAILED = /^sd_blk_(write|read): \w+ error on host side/;

/** Starts QEMU, paused before the guest's first instruction. Throws a `Failure` with what it says when it does not start. */
export async function startQemu({ argv, signal, onLine }: QemuOptions): Promise<Qemu> {
  signal.throwIfAborted();
  const said: string[] = [];
  const kill = new AbortController();
  const child = await start({
    argv,
    signal: kill.signal,
    channels: Object.keys(channels).length,
    onLine: (line) => {
      if (line === '' || NOISE.test(line) || kill.signal.aborted) return;
      if (said.push(line) > 20) said.shift();
      if (CARD_FAILED.test(line)) kill.abort();
      else onLine(line);
    },
  });
  const [controlChannel, console, monitor, life] = child.channels as [Duplex, Duplex, Duplex, Duplex];
  // Until somebody reads it, what the monitor says is of no interest; unread, it would keep QEMU waiting.
  monitor.resume();
  life.resume();
  let reason: EmulatorEnd['reason'] | undefined;
  const ended = child.ended.then((how) => endOf(how, reason, said));
  let control: Qmp | undefined;
  const stop = async (): Promise<void> => {
    control?.execute('quit').catch(() => {});
    if (control !== undefined) await Promise.race([ended, delay(GENTLE, undefined, { ref: false })]);
    killGroup(child.pid);
    await ended;
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    control = await openQmp(controlChannel);
    signal.throwIfAborted();
  } catch {
    await stop();
    throw signal.aborted ? signal.reason : startFailure(said);
  }
  control.onEvent(({ event, data }) => {
    if (event === 'SHUTDOWN') reason = shutdownReason(String(data.reason));
  });
  return { pid: child.pid, control, console, monitor, ended, stop };
}

function shutdownReason(said: string): EmulatorEnd['reason'] {
  if (said === 'guest-shutdown' || said === 'guest-reset' || said === 'guest-panic') return said;
  return 'stopped';
}

function endOf(how: Ended, reason: EmulatorEnd['reason'] | undefined, said: readonly string[]): EmulatorEnd {
  if (reason !== undefined && how.code === 0) return { reason };
  const last = said.at(-1);
  if (last !== undefined && CARD_FAILED.test(last)) return { reason: 'died', message: CARD_LOST };
  const message = last ?? (how.signalled ? `it was ended by ${how.signalled}` : `exit code ${how.code}`);
  return { reason: 'died', message };
}

const CARD_LOST = 'this machine could not keep what the guest wrote to its card: is the disk with output/ full?';

function startFailure(said: readonly string[]): Failure {
  const text = said.join('\n').replace(/^qemu-system-aarch64: /gm, '');
  const port = /Could not set up host forwarding rule '\w+:([\d.]+):(\d+)-/.exec(text);
  if (port)
    return fail('device/port-taken', `port ${port[2]} of ${port[1]} cannot be forwarded: another program has it`);
  if (/Failed to get "write" lock/.test(text)) {
    const hint = 'stop that one, or leave out --persist';
    return fail('device/busy', 'another emulator writes to the same card or disk', hint);
  }
  return fail('device/emulator', `QEMU did not start the board: ${text || 'it said nothing'}`);
}
