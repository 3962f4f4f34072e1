import { defineConfig } from 'vitest/config';

/** What is run one file at a time, with all the time it needs. */
const alone = { fileParallelism: false, testTimeout: 3_600_000, hookTimeout: 3_600_000 };

/** Torture takes an hour: only who asks for it by name gets it. */
const torture = process.argv.some((word) => word === 'torture' || word.endsWith('=torture'));

/** Unit and golden tests run side by side in seconds; system and boot tests share the machine and run one at a time. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'golden', include: ['test/golden/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          ...alone,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'boot',
          include: ['test/boot/**/*.test.ts'],
          ...alone,
          sequence: { groupOrder: 2 },
        },
      },
      ...(torture
        ? [{ test: { name: 'torture', include: ['test/torture/**/*.test.ts'], ...alone, testTimeout: 4 * 3_600_000 } }]
        : []),
    ],
  },
});
