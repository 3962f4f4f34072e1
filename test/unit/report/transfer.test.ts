import { expect, test } from 'vitest';
import { openTransfer, transferLine } from '../../../src/report/transfer.ts';
import { Terminal } from '../../helpers/terminal.ts';

const MIB = 1024 * 1024;

function clockOf() {
  const clock = { time: 0, now: () => clock.time, every: () => () => {} };
  return clock;
}

test('a copy shows its share, its rate and the time that is left', () => {
  expect(transferLine('writing', 12 * MIB, 43 * MIB, 2000)).toBe('writing  27%  12 MiB of 43 MiB  6 MiB/s  5 s left');
  expect(transferLine('writing', 0, 43 * MIB, 0)).toBe('writing   0%  0 B of 43 MiB');
});

test('in a terminal one line is drawn over, and is gone in the end', () => {
  const [terminal, clock] = [new Terminal(80, 24), clockOf()];
  const transfer = openTransfer('writing', terminal, { live: true, quiet: false }, clock);
  for (const done of [10, 20]) {
    clock.time += 1000;
    transfer.update(done * MIB, 40 * MIB);
  }
  expect(terminal.text).toBe('writing  50%  20 MiB of 40 MiB  10 MiB/s  2 s left');
  expect(transfer.end()).toBe(2000);
  expect(terminal.text).toBe('');
});

test('in a pipe a slow copy leaves a line every ten seconds, a fast one none', () => {
  const lines: string[] = [];
  const clock = clockOf();
  const transfer = openTransfer('writing', { write: (text) => lines.push(text) }, { live: false, quiet: false }, clock);
  for (let second = 1; second <= 25; second++) {
    clock.time = second * 1000;
    transfer.update(second * MIB, 25 * MIB);
  }
  transfer.end();
  expect(lines.map((line) => line.slice(0, 12))).toEqual(['writing  40%', 'writing  80%']);
});
