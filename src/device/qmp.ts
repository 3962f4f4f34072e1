import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { fail } from '../diagnostic.ts';

/** An event of QEMU's monitor: `SHUTDOWN`, `RESET`, `STOP`, `GUEST_PANICKED` ... */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** QEMU's machine protocol: commands one after the other, events as they come. Source: QEMU's "QMP Protocol Specification". */
export interface Qmp {
  /** Runs a command. Throws a `Failure` with what QEMU says, or when QEMU is gone. */
  execute<Return = unknown>(command: string, parameters?: Readonly<Record<string, unknown>>): Promise<Return>;
  /** Calls back for each event; returns how to stop that. */
  onEvent(listener: (event: QmpEvent) => void): () => void;
}

interface Answer {
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Greets QEMU on a channel and leaves it ready for commands. Throws a `Failure` when QEMU ends first. */
export async function openQmp(channel: Duplex): Promise<Qmp> {
  const pending = new Map<number, Pending>();
  const listeners = new Set<(event: QmpEvent) => void>();
  let last = 0;
  let closed = false;

  const close = (): void => {
    closed = true;
    for (const { command, reject } of pending.values()) reject(gone(command));
    pending.clear();
  };
  const execute: Qmp['execute'] = <Return>(command: string, parameters?: Readonly<Record<string, unknown>>) =>
    new Promise<Return>((resolve, reject) => {
      if (closed) return reject(gone(command));
      last += 1;
      pending.set(last, { command, resolve: resolve as (value: unknown) => void, reject });
      channel.write(
        `${JSON.stringify({ execute: command, id: last, ...(parameters && { arguments: parameters }) })}\n`,
      );
    });
  eachLine(channel, (line) => {
    const message = JSON.parse(line) as Answer & Partial<QmpEvent>;
    if (message.event !== undefined) {
      const event = { event: message.event, data: message.data ?? {} };
      for (const listener of listeners) listener(event);
    } else if (message.id !== undefined) {
      settle(message, pending);
    }
  });
  channel.on('error', close).on('close', close);
  await execute('qmp_capabilities');
  return {
    execute,
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function settle(answer: Answer, pending: Map<number, Pending>): void {
  const waiting = answer.id === undefined ? undefined : pending.get(answer.id);
  if (answer.id === undefined || waiting === undefined) return;
  pending.delete(answer.id);
  if (answer.error === undefined) waiting.resolve(answer.return);
  else waiting.reject(fail('device/qmp', `the emulator refused '${waiting.command}': ${answer.error.desc}`));
}

function gone(command: string): Error {
  return fail('device/qmp-closed', `the emulator ended before it could answer '${command}'`);
}

function eachLine(channel: Duplex, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  channel.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') onLine(line);
  });
}
