import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Event } from '../../src/build/event.ts';
import { verifyStore } from '../../src/build/verify.ts';
import { randomOf } from '../helpers/random.ts';
import {
  createYard,
  eventsIn,
  expectNoProcess,
  imageOf,
  isDear,
  leftoversIn,
  makeWell,
  makeWords,
  type Yard,
} from '../helpers/yard.ts';

/**
 * SIGKILL at random moments of a make, again and again. PIBUILD_TORTURE_KILLS says how often, PIBUILD_TORTURE_SEED repeats
 * the choices of a run (not its moments: those are the machine's).
 */
const KILLS = Number(process.env.PIBUILD_TORTURE_KILLS ?? 200);
const SEED = Number(process.env.PIBUILD_TORTURE_SEED ?? Date.now() % 1_000_000);

let yard: Yard;
beforeAll(async () => {
  yard = await createYard();
});
afterAll(() => yard.remove());

test(`after ${KILLS} kills at random moments (seed ${SEED}) every make gives the same image, and nothing is left`, async () => {
  const random = randomOf(SEED);
  const met = new Map<string, number>();
  const { signal } = new AbortController();
  console.log(`seed ${SEED}, image ${imageOf(yard)}`);
  await makeWell(yard);
  let usual = await timed(() => makeAfterForgetting(yard, random));
  for (let kills = 0, round = 1; kills < KILLS; round++) {
    const began = Date.now();
    forgetSome(yard, random);
    // One kill after the other: what the next make finds was left by several.
    for (let more = 1 + random.below(4); more > 0; more--) {
      const killed = await killAt(yard, random.below(usual));
      if (killed === undefined) break;
      met.set(killed, (met.get(killed) ?? 0) + 1);
      kills += 1;
      await expectNoProcess(yard);
    }
    const took = await timed(async () => {
      const events = await makeWell(yard);
      expect(
        events.filter(({ type }) => type === 'store-damaged' || type === 'warning'),
        `round ${round}`,
      ).toEqual([]);
    });
    usual = Math.max(2000, 0.8 * usual + 0.2 * (took + 500));
    expect(leftoversIn(yard), `round ${round}`).toEqual([]);
    const { damaged } = await verifyStore(yard.store, signal, began);
    expect(damaged, `round ${round}`).toEqual([]);
    if (round % 10 === 0) console.log(`${kills} kills in ${round} rounds; a make takes ${Math.round(usual)} ms`);
  }
  console.log(
    `killed while: ${[...met]
      .sort(([, a], [, b]) => b - a)
      .map(([what, count]) => `${what} ${count}`)
      .join(', ')}`,
  );
  const all = await verifyStore(yard.store, signal);
  console.log(`${all.files} files, ${all.bytes} bytes read`);
  expect(all.damaged).toEqual([]);
  await expectNoProcess(yard);
});

/** Starts a make, and kills it after so many milliseconds. Gives what it was at, or undefined when it had ended. */
async function killAt(yard: Yard, moment: number): Promise<string | undefined> {
  const running = yard.start(makeWords(yard, '--json'));
  const timer = setTimeout(() => running.child.kill('SIGKILL'), moment);
  const code = await running.ended;
  clearTimeout(timer);
  if (code !== null) expect(code, running.output()).toBe(0);
  return code === null ? phaseOf(eventsIn(running)) : undefined;
}

/** In a word what was going on when the events ended. */
function phaseOf(events: readonly Event[]): string {
  if (events.length === 0) return 'starting';
  if (events.some(({ type }) => type === 'build-finished')) return 'publishing';
  const open = new Map<string, string>();
  for (const event of events) {
    if (event.type === 'task-started') open.set(event.task, event.task);
    if (event.type === 'task-finished') open.delete(event.task);
  }
  const [last] = [...open.keys()].reverse();
  return last === undefined ? 'deciding' : last.replace(/^yard:(overlay.*|accounts)$/, 'yard:layers');
}

async function makeAfterForgetting(yard: Yard, random: ReturnType<typeof randomOf>): Promise<void> {
  forgetSome(yard, random);
  await makeWell(yard);
}

/** Makes work for the next make: of what is cheap a good part, of the tools seldom one. */
function forgetSome(yard: Yard, random: ReturnType<typeof randomOf>): void {
  const chosen = yard.tasks.filter(
    (task) => !isDear(task) && random.chance(task.task.id.startsWith('tools/') ? 0.03 : 0.5),
  );
  const bytes = chosen.filter(() => random.chance(0.7));
  yard.forget(chosen, bytes);
}

async function timed(action: () => Promise<void>): Promise<number> {
  const began = Date.now();
  await action();
  return Date.now() - began;
}
