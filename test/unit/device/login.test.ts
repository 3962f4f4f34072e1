import { expect, test, vi } from 'vitest';
import { logIn } from '../../../src/device/login.ts';
import { consoleOn, playedGuest } from '../../helpers/console.ts';

/** What the guest is told first once it has said this. */
async function firstWordTo(greeting: string): Promise<string> {
  const guest = playedGuest();
  const stop = new AbortController();
  const login = logIn(consoleOn(guest.stream, stop.signal), { user: 'root', timeout: 5000 }).catch(() => {});
  guest.say(greeting);
  const word = await vi.waitFor(() => {
    expect(guest.typed()).toContain('\n');
    return guest.typed();
  });
  stop.abort();
  guest.end();
  await login;
  return word.slice(0, 5);
}

test('a login prompt is told the user name', async () => {
  expect(await firstWordTo('\nsmall 1.0 on rpi3 (/dev/ttyS1)\n\nrpi3 login: ')).toBe('root\n');
});

test('a board that logs root in by itself is not asked for a login', async () => {
  expect(await firstWordTo('\nBusyBox v1.37.0 () built-in shell (ash)\n\nrpi3:~# ')).toBe('exec ');
});
