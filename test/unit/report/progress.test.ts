import { expect, test } from 'vitest';
import type { Fingerprint, TaskId } from '../../../src/graph/task.ts';
import { newProgress, settled } from '../../../src/report/progress.ts';
import { brokenSource, changedKernel } from '../../helpers/recorded.ts';

const task = 'linux:fetch' as TaskId;
const start = {
  type: 'task-started',
  at: 0,
  task,
  title: 'download',
  reason: 'not downloaded yet',
  log: '/log',
} as const;
const end = { type: 'task-finished', task, title: 'download', fingerprint: 'ff' as Fingerprint, took: 5 } as const;

test('every task of a build that ended well is settled', () => {
  const progress = newProgress();
  for (const event of changedKernel) progress.advance(event);
  expect(settled(progress)).toBe(progress.total);
  expect(progress.running.size).toBe(0);
});

test('a task whose result is known and that runs after all counts once', () => {
  const progress = newProgress();
  progress.advance({ ...end, at: 0, outcome: 'known' });
  expect(settled(progress)).toBe(1);
  progress.advance(start);
  expect(settled(progress)).toBe(0);
  progress.advance({ ...end, at: 5, outcome: 'ran' });
  expect([progress.upToDate.size, progress.ran.size]).toEqual([0, 1]);
});

test('a second build is counted anew', () => {
  const progress = newProgress();
  for (const event of [...changedKernel, ...brokenSource]) progress.advance(event);
  expect([progress.total, settled(progress), progress.failed.size]).toEqual([3, 2, 1]);
});

test('what was there when a download resumed does not count into its rate', () => {
  const progress = newProgress();
  progress.advance(start);
  progress.advance({ type: 'task-progress', at: 1000, task, done: 90_000_000, total: 100_000_000 });
  expect(progress.running.get(task)?.transfer).toEqual({ done: 90_000_000, total: 100_000_000 });
  progress.advance({ type: 'task-progress', at: 2000, task, done: 91_000_000, total: 100_000_000 });
  expect(progress.running.get(task)?.transfer?.rate).toBe(1_000_000);
});

test('the rate is that of the last five seconds', () => {
  const progress = newProgress();
  progress.advance(start);
  for (const [at, done] of [
    [0, 0],
    [1000, 50_000],
    [7000, 51_000],
    [8000, 52_000],
  ] as const) {
    progress.advance({ type: 'task-progress', at, task, done });
  }
  expect(progress.running.get(task)?.transfer).toEqual({ done: 52_000, rate: 1000 });
});
