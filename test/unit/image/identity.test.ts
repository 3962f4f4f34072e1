import { expect, test } from 'vitest';
import { shortIdOf, uuidOf } from '../../../src/image/identity.ts';

test('ids depend on names alone, and on how they are divided', () => {
  expect(uuidOf('rpi3', 'root')).toBe(uuidOf('rpi3', 'root'));
  expect(uuidOf('rpi3', 'root')).not.toBe(uuidOf('rpi3r', 'oot'));
  expect(shortIdOf('rpi3', 'disk')).not.toBe(shortIdOf('rpi4', 'disk'));
});

test('ids have the form that their readers ask for', () => {
  for (let index = 0; index < 100; index++) {
    expect(uuidOf('board', String(index))).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(shortIdOf('board', String(index))).toMatch(/^[0-9a-f]{8}$/);
  }
});
