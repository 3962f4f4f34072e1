import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openConsole } from '../../../src/device/console.ts';
import { Failure } from '../../../src/diagnostic.ts';
import { consoleOn, playedGuest } from '../../helpers/console.ts';

const what = 'a word';

afterEach(() => {
  vi.useRealTimers();
});

describe('waiting for a text', () => {
  test('ends when it comes, in pieces', async () => {
    const guest = playedGuest();
    const console = consoleOn(guest.stream);
    const found = console.expect(/version (\d+)\n/, { timeout: 5000, what });
    for (const piece of ['Linux ver', 'sion 6', '12\r', '\n']) {
      guest.say(piece);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect((await found)[1]).toBe('612');
  });

  test('finds what was printed before, unless a position says where to look', async () => {
    const guest = playedGuest();
    const console = consoleOn(guest.stream);
    guest.say('one\n');
    await console.expect(/one/, { timeout: 5000, what });
    await console.expect(/one/g, { timeout: 5000, what });
    const late = console.expect(/one/, { timeout: 20, what, since: console.position });
    await expect(late).rejects.toThrow('a word did not come within 0 s');
  });

  test('says what did not come, in how long, and how to wait longer', async () => {
    const guest = playedGuest();
    const console = openConsole(guest.stream, { pace: { scale: 0.01 }, signal: new AbortController().signal });
    const failure = await failureOf(console.expect(/x/, { timeout: 30_000, what: 'a login prompt' }));
    expect(failure.diagnostics).toEqual([
      {
        severity: 'error',
        code: 'device/timeout',
        message: 'a login prompt did not come within 0.3 s',
        hint: 'on a slow machine raise all time limits: --time-scale 2, or PIBUILD_TIME_SCALE=2',
      },
    ]);
  });

  test('ends with the board, after a last look', async () => {
    const guest = playedGuest();
    const console = consoleOn(guest.stream);
    const found = console.expect(/Power down/, { timeout: 5000, what });
    const missed = failureOf(console.expect(/login/, { timeout: 5000, what }));
    guest.say('reboot: Power down');
    guest.end();
    expect((await found)[0]).toBe('Power down');
    expect((await missed).diagnostics[0]?.code).toBe('device/stopped');
    expect((await failureOf(console.expect(/later/, { timeout: 5000, what }))).message).toBe(
      'the emulated board stopped',
    );
    await console.expect(/Power/, { timeout: 5000, what });
  });

  test('ends with the reason of the signal', async () => {
    const guest = playedGuest();
    const stop = new AbortController();
    const console = consoleOn(guest.stream, stop.signal);
    const waiting = console.expect(/x/, { timeout: 5000, what });
    stop.abort(new Error('Ctrl-C'));
    await expect(waiting).rejects.toThrow('Ctrl-C');
    await expect(console.expect(/x/, { timeout: 5000, what })).rejects.toThrow('Ctrl-C');
  });
});

test('a kernel panic ends all waiting, once its last words had time to come', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const guest = playedGuest();
  const console = consoleOn(guest.stream);
  const waiting = failureOf(console.expect(/login:/, { timeout: 60_000, what }));
  guest.say(readFileSync(join(import.meta.dirname, '../../fixtures/device/panic.serial')));
  await console.expect(/Rebooting in 10 seconds/, { timeout: 5000, what });
  vi.advanceTimersByTime(1000);
  expect((await waiting).diagnostics[0]).toMatchObject({
    code: 'device/panic',
    message: 'the kernel gave up: Kernel panic - not syncing: sysrq triggered crash',
  });
});

test('of a guest that never stops printing, the later part is kept', async () => {
  const guest = playedGuest();
  const console = consoleOn(guest.stream);
  for (let index = 0; index < 20; index++) guest.say(`${index}`.repeat(1024 * 1024));
  guest.say('the end');
  await console.expect(/the end/, { timeout: 15_000, what, since: 1 });
  expect(console.transcript.length).toBeLessThanOrEqual(16 * 1024 * 1024);
  expect(console.position).toBe(30 * 1024 * 1024 + 'the end'.length);
});

test('typing into a board that is gone does no harm', async () => {
  const guest = playedGuest();
  const console = consoleOn(guest.stream);
  guest.stream.destroy();
  await failureOf(console.expect(/x/, { timeout: 5000, what }));
  console.send('x\n');
  expect(guest.typed()).toBe('');
});

async function failureOf(waiting: Promise<unknown>): Promise<Failure> {
  const error = await waiting.catch((error: unknown) => error);
  if (error instanceof Failure) return error;
  throw new Error(`no failure but ${error}`);
}
