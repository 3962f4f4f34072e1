import { describe, expect, test } from 'vitest';
import { openQmp, type QmpEvent } from '../../../src/device/qmp.ts';
import { type PlayedGuest, playedGuest } from '../../helpers/console.ts';

/** A QEMU that a test plays: answers each command with the next answer. */
async function play(qemu: PlayedGuest, ...answers: readonly object[]): Promise<void> {
  for (const [index, answer] of answers.entries()) {
    await expect.poll(() => commands(qemu).length, { interval: 1 }).toBeGreaterThan(index);
    qemu.say(`${JSON.stringify({ ...answer, id: commands(qemu)[index]?.id })}\r\n`);
  }
}

function commands(qemu: PlayedGuest): { execute: string; id: number; arguments?: object }[] {
  return qemu
    .typed()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

async function opened(qemu: PlayedGuest) {
  qemu.say('{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n');
  const [qmp] = await Promise.all([openQmp(qemu.stream), play(qemu, { return: {} })]);
  return qmp;
}

describe("QEMU's machine protocol", () => {
  test('gives the return of a command', async () => {
    const qemu = playedGuest();
    const qmp = await opened(qemu);
    const status = qmp.execute('query-status', { detail: true });
    await play(qemu, {}, { return: { status: 'running' } });
    expect(await status).toEqual({ status: 'running' });
    expect(commands(qemu)[1]).toEqual({ execute: 'query-status', id: 2, arguments: { detail: true } });
  });

  test('keeps apart answers that come in another order', async () => {
    const qemu = playedGuest();
    const qmp = await opened(qemu);
    const both = Promise.all([qmp.execute('one'), qmp.execute('two')]);
    await expect.poll(() => commands(qemu).length, { interval: 1 }).toBe(3);
    qemu.say('{"return": 2, "id": 3}\r\n{"ret');
    qemu.say('urn": 1, "id": 2}\r\n');
    expect(await both).toEqual([1, 2]);
  });

  test('tells what QEMU refuses', async () => {
    const qemu = playedGuest();
    const qmp = await opened(qemu);
    const refused = expect(qmp.execute('qom-set')).rejects.toThrow("the emulator refused 'qom-set': no such device");
    await play(qemu, {}, { error: { class: 'GenericError', desc: 'no such device' } });
    await refused;
  });

  test('hands out events until one no longer listens', async () => {
    const qemu = playedGuest();
    const qmp = await opened(qemu);
    const seen: QmpEvent[] = [];
    const stop = qmp.onEvent((event) => seen.push(event));
    qemu.say('{"event": "SHUTDOWN", "data": {"reason": "guest-reset"}, "timestamp": {}}\r\n{"event": "STOP"}\r\n');
    await expect.poll(() => seen, { interval: 1 }).toHaveLength(2);
    stop();
    qemu.say('{"event": "RESUME"}\r\n');
    const done = qmp.execute('x');
    await play(qemu, {}, { return: {} });
    await done;
    expect(seen).toEqual([
      { event: 'SHUTDOWN', data: { reason: 'guest-reset' } },
      { event: 'STOP', data: {} },
    ]);
  });

  test('fails what waits, and all that follows, when QEMU ends', async () => {
    const qemu = playedGuest();
    const qmp = await opened(qemu);
    const waiting = expect(qmp.execute('stop')).rejects.toThrow("the emulator ended before it could answer 'stop'");
    qemu.stream.destroy();
    await waiting;
    await expect(qmp.execute('cont')).rejects.toThrow("the emulator ended before it could answer 'cont'");
  });
});
