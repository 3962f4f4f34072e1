import { describe, expect, test } from 'vitest';
import { blankIdentity, fillIdentity, IDENTITY_SIZE, identityKeys } from '../../../src/image/card-identity.ts';
import { complaint } from '../../helpers/recipes.ts';

const blank = blankIdentity(identityKeys);
const told = (text: string) => text.split('\n').filter((line) => /^[a-z]/.test(line));

describe("a card's identity", () => {
  test('is a file of a fixed size that people can fill in, too', () => {
    expect(Buffer.byteLength(blank)).toBe(IDENTITY_SIZE);
    expect(told(blank)).toEqual([]);
    expect(blank).toContain('\n#hostname=\n#ssh-key=\n');
  });

  test('has its values in the same room, and what was there before when it is not named', () => {
    const first = fillIdentity(blank, { hostname: 'pi-07', sshKeys: ['ssh-ed25519 AAAA ü', 'ssh-rsa BBBB'] });
    expect(Buffer.byteLength(first)).toBe(IDENTITY_SIZE);
    expect(told(first)).toEqual(['hostname=pi-07', 'ssh-key=ssh-ed25519 AAAA ü', 'ssh-key=ssh-rsa BBBB']);
    const second = fillIdentity(first, { hostname: 'pi-08', sshKeys: [], wifi: { ssid: 'home' }, country: 'DE' });
    expect(told(second).sort()).toEqual([
      'hostname=pi-08',
      'ssh-key=ssh-ed25519 AAAA ü',
      'ssh-key=ssh-rsa BBBB',
      'wifi-country=DE',
      'wifi-ssid=home',
    ]);
  });

  test('is refused where the image knows nothing of it, or has no room', () => {
    const wired = blankIdentity(['hostname', 'ssh-key']);
    expect(complaint(() => fillIdentity(wired, { sshKeys: [], wifi: { ssid: 'x' } }))).toMatch(
      /this image has nothing that connects to Wi-Fi \[identity\/unknown\]\n.*add the package 'wpa-supplicant'/,
    );
    const long = { sshKeys: Array.from({ length: 20 }, () => `ssh-rsa ${'A'.repeat(400)}`) };
    expect(complaint(() => fillIdentity(blank, long))).toMatch(
      /has room for 8192 bytes, not for \d+ \[identity\/too-long\]/,
    );
  });
});
