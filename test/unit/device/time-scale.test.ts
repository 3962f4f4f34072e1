import { describe, expect, test } from 'vitest';
import { measuredTimeScale, wantedTimeScale } from '../../../src/device/time-scale.ts';

describe('the factor for time limits', () => {
  test('is what the user says, here or in the environment', () => {
    expect(wantedTimeScale('2.5', { PIBUILD_TIME_SCALE: '3' })).toBe(2.5);
    expect(wantedTimeScale(undefined, { PIBUILD_TIME_SCALE: '3' })).toBe(3);
    expect(wantedTimeScale(undefined, { PIBUILD_TIME_SCALE: '' })).toBeUndefined();
    expect(wantedTimeScale(undefined, {})).toBeUndefined();
  });

  test.each(['0', '-1', 'fast', '1e3', '1,5'])('is not %s', (text) => {
    expect(() => wantedTimeScale(text, {})).toThrow(`'${text}' is no factor for time limits`);
  });

  test('else is measured: from a boot in 15 s on, to ten', () => {
    expect([4_000, 15_000, 24_000, 90_000, 1_000_000].map(measuredTimeScale)).toEqual([1, 1, 1.6, 6, 10]);
  });
});
