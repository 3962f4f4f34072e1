import { type LiveHats, openLiveHats, type TwinLink, type TwinOrder } from '../../src/device/live-hats.ts';
import type { Qmp, QmpEvent } from '../../src/device/qmp.ts';
import type { Failure } from '../../src/diagnostic.ts';
import type { Hat } from '../../src/hat/hat.ts';
import { hatFrom } from './hats.ts';

/** HATs of which everything is written down that QEMU and i2c-twin are told. */
export interface RecordedHats {
  readonly live: LiveHats;
  /** What was told since the last time this was called. */
  told(): string[];
  /** The board restarts. */
  reset(): void;
  /** What i2c-twin answers to orders from now on; undefined: nothing is wrong. */
  refuse(failure: Failure | undefined): void;
  readonly problems: string[];
}

export function recordedHats(): RecordedHats {
  const hats: Hat[] = [
    hatFrom(
      'chips: {case: {address: 0x48, model: tmp105, engine: qemu}, air: {address: 0x49, model: lm75}}\n' +
        'gpio: {led: {line: 4, direction: out}, button: {line: 22, direction: in}}\n',
    ),
  ].map((hat) => ({ ...hat, name: 'my/hat' }));
  const lines: string[] = [];
  const problems: string[] = [];
  const listeners = new Set<(event: QmpEvent) => void>();
  let refusal: Failure | undefined;
  const control: Qmp = {
    execute: async <Return>(command: string, parameters?: object) => {
      lines.push(`qmp ${command} ${Object.values(parameters ?? {}).join(' ')}`);
      return undefined as Return;
    },
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const link: TwinLink = {
    open: async () => void lines.push('open'),
    send: async (orders: readonly TwinOrder[]) => {
      lines.push(...orders.map((order) => `twin ${order.join(' ')}`));
      if (refusal) throw refusal;
      return orders.some(([what, first]) => what === 'gpio' && first === 'show') ? '4 led out 1\n22 button in 0' : '';
    },
    restarted: () => lines.push('restarted'),
    close: () => lines.push('close'),
  };
  return {
    live: openLiveHats(hats, control, link, ({ message }) => problems.push(message)),
    told: () => lines.splice(0),
    reset: () => {
      for (const listener of listeners) listener({ event: 'RESET', data: {} });
    },
    refuse: (failure) => {
      refusal = failure;
    },
    problems,
  };
}
