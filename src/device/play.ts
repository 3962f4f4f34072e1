import { setTimeout as delay } from 'node:timers/promises';
import type { Moment, Timeline } from '../hat/timeline.ts';

/**
 * Goes through a timeline in real time. Moments that have passed before the last order was carried out are carried out
 * as one, the later ones winning. Ends with the timeline, or throws the signal's reason.
 */
export async function play(
  { moments, length, repeat }: Timeline,
  apply: (moment: Moment) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let start = Date.now(); ; start += length) {
    for (let next = 0; next < moments.length; ) {
      const due = moments[next]?.at ?? 0;
      await delay(Math.max(0, start + due - Date.now()), undefined, { signal });
      const elapsed = Date.now() - start;
      const after = moments.findIndex(({ at }, index) => index > next && at > elapsed);
      const end = after === -1 ? moments.length : after;
      await apply(together(moments.slice(next, end)));
      next = end;
    }
    if (!repeat || length === 0) return;
  }
}

function together(moments: readonly Moment[]): Moment {
  const values = new Map(moments.flatMap(({ set }) => set.map((setting) => [setting.replace(/=.*$/s, ''), setting])));
  const faults = new Map(moments.flatMap(({ fault }) => fault));
  return { at: moments.at(-1)?.at ?? 0, set: [...values.values()], fault: [...faults] };
}
