import { describe, expect, test } from 'vitest';
import { recipes, specOf } from '../helpers/services-recipes.ts';

/** What recipes become for runc: test/golden/runtime-spec/<recipe>.expected. */
describe('config.json of a recipe with', () => {
  for (const [name, recipe] of Object.entries(recipes)) {
    test(name, async () => {
      await expect(specOf(recipe)).toMatchFileSnapshot(`runtime-spec/${name}.expected`);
    });
  }
});

test('unlimited is all ones, which no number of JavaScript is', () => {
  expect(specOf('rlimits: ["core,0,unlimited"]')).toContain('"hard": 18446744073709551615');
});
