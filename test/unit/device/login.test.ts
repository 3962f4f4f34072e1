import { describe, expect, test } from 'vitest';
import { logIn } from '../../../src/device/login.ts';
import { consoleOn, type PlayedGuest, playedGuest } from '../../helpers/console.ts';

const timeout = 5000;

/** Waits for something typed, then says something. */
async function answer(guest: PlayedGuest, typed: RegExp, said: string): Promise<void> {
  await expect.poll(() => guest.typed(), { interval: 1, timeout }).toMatch(typed);
  guest.say(said);
}

/** Answers the line that prepares the shell, as a shell would. */
async function becomeShell(guest: PlayedGuest): Promise<void> {
  await expect.poll(() => guest.typed(), { interval: 1, timeout }).toContain('exec sh');
  const nonce = /pibuild-\$\(\(1\+0\)\)-(\w+)/.exec(guest.typed())?.[1];
  guest.say(`pibuild-1-${nonce}\r\n`);
}

describe('logging in', () => {
  test('needs a prompt and a user', async () => {
    const guest = playedGuest();
    const done = logIn(consoleOn(guest.stream), { user: 'root', timeout });
    guest.say('Default login: root\r\nWelcome\r\n\r\r\nrpi3 login: ');
    await answer(guest, /^root\n$/, 'root\r\n~ # ');
    await becomeShell(guest);
    expect(await done).toHaveProperty('run');
  });

  test('sees the prompts behind kernel messages', async () => {
    const guest = playedGuest();
    const done = logIn(consoleOn(guest.stream), { user: 'root', timeout });
    guest.say('rpi3 lo[    4.000000] usb 1-1: new\r\ngin: [    5.000000] usb0: register\r\n');
    await answer(guest, /^root\n$/, 'root\r\nrpi3:~# [    6.000000] usb0: up\r\n');
    await becomeShell(guest);
    expect(await done).toHaveProperty('run');
  });

  test('gives the password that is asked for', async () => {
    const guest = playedGuest();
    const done = logIn(consoleOn(guest.stream), { user: 'root', password: 'secret', timeout });
    guest.say('rpi3 login: ');
    await answer(guest, /^root\n$/, 'root\r\nPassword: ');
    await answer(guest, /\nsecret\n$/, '\r\n$ ');
    await becomeShell(guest);
    expect(await done).toHaveProperty('run');
  });

  test.each([
    [{}, 'Password: ', 'cannot log in on the console: root needs a password'],
    [{ password: 'wrong' }, 'Password: ', 'cannot log in on the console: root was not let in'],
  ])('with %j where a password is asked for is refused', async (password, asked, message) => {
    const guest = playedGuest();
    const done = logIn(consoleOn(guest.stream), { user: 'root', timeout, ...password });
    const refused = expect(done).rejects.toThrow(message);
    guest.say('rpi3 login: ');
    await answer(guest, /^root\n/, asked);
    if ('password' in password) await answer(guest, /wrong\n$/, '\r\nLogin incorrect\r\nrpi3 login: ');
    await refused;
  });
});
