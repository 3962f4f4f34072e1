import { expect, test } from 'vitest';
import { clockProblem } from '../../../src/commands/doctor.ts';

const now = Date.UTC(2026, 10, 24, 12);
const HOUR = 3_600_000;

test('a clock that agrees with the mirror, or with an older release, is no problem', () => {
  expect(clockProblem('Date: Fri, 30 Oct 2026 08:08:01 UTC\n', now + 60_000, now)).toBeUndefined();
  expect(clockProblem('Date: Fri, 30 Oct 2026 08:08:01 UTC\n', undefined, now)).toBeUndefined();
  expect(clockProblem('no release at all', undefined, now)).toBeUndefined();
});

test('a clock that is behind the newest release, or apart from the server, is named with both times and the fix', () => {
  expect(clockProblem('Date: Wed, 25 Nov 2026 08:00:00 UTC\n', undefined, now)).toMatchObject({
    code: 'host/clock',
    message:
      "the clock says 2026-11-24T12:00:00.000Z, but the mirror's newest release is from 2026-11-25T08:00:00.000Z",
    hint: expect.stringContaining('timedatectl set-ntp true'),
  });
  for (const server of [now - 2 * HOUR, now + 2 * HOUR]) {
    expect(clockProblem('', server, now)?.message).toContain(`and the mirror's ${new Date(server).toISOString()}`);
  }
});
