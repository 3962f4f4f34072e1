import { expect, test } from 'vitest';
import { play } from '../../../src/device/play.ts';
import type { Moment } from '../../../src/hat/timeline.ts';

const { signal } = new AbortController();

function timeline(moments: readonly Partial<Moment>[], repeat = false) {
  const whole = moments.map((moment) => ({ at: 0, set: [], fault: [], ...moment }));
  return { moments: whole, length: whole.at(-1)?.at ?? 0, repeat };
}

test('every moment comes in order, and not before its time', async () => {
  const began = Date.now();
  const seen: [string, boolean][] = [];
  await play(
    timeline([
      { at: 0, set: ['a=1'] },
      { at: 60, set: ['a=2'], fault: [['b', 'nack']] },
    ]),
    async ({ at, set, fault }) => {
      seen.push([`${at} ${set} ${fault}`, Date.now() - began >= at]);
    },
    signal,
  );
  expect(seen).toEqual([
    ['0 a=1 ', true],
    ['60 a=2 b,nack', true],
  ]);
});

test('moments that pass while an order is carried out become one, the later values winning', async () => {
  const seen: Moment[] = [];
  const moments = [
    { at: 0, set: ['a=0'] },
    { at: 10, set: ['a=1', 'b=1'] },
    { at: 20, set: ['a=2'], fault: [['c', 'nack']] as const },
  ];
  await play(
    timeline(moments),
    async (moment) => {
      seen.push(moment);
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
    signal,
  );
  expect(seen).toEqual([
    { at: 0, set: ['a=0'], fault: [] },
    { at: 20, set: ['a=2', 'b=1'], fault: [['c', 'nack']] },
  ]);
});

test('it begins anew until it is stopped', async () => {
  const stop = new AbortController();
  let count = 0;
  const playing = play(
    timeline(
      [
        { at: 0, set: ['a=1'] },
        { at: 5, set: ['a=2'] },
      ],
      true,
    ),
    async () => {
      count += 1;
      if (count === 6) stop.abort();
    },
    stop.signal,
  );
  await expect(playing).rejects.toThrow();
  expect(count).toBe(6);
});
