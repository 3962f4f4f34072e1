import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import type { Fingerprint, TaskId } from '../../../src/graph/task.ts';
import { createReporter, isLive } from '../../../src/report/reporter.ts';
import { wantsColour } from '../../../src/report/style.ts';
import { steppedClock } from '../../helpers/recorded.ts';
import { Terminal } from '../../helpers/terminal.ts';

const xterm = { TERM: 'xterm-256color' };

test('only a terminal with room that nobody logs is drawn on', () => {
  expect(isLive(new Terminal(80, 24), xterm)).toBe(true);
  expect(isLive(new Terminal(80, 24), { ...xterm, CI: 'false' })).toBe(true);
  expect(isLive(new Terminal(80, 24), { ...xterm, CI: 'true' })).toBe(false);
  expect(isLive(new Terminal(80, 24), { TERM: 'dumb' })).toBe(false);
  expect(isLive(new Terminal(80, 24), {})).toBe(false);
  expect(isLive(new Terminal(0, 0), xterm)).toBe(false);
  expect(isLive(new PassThrough(), xterm)).toBe(false);
});

test('colour is for terminals, unless it is wished for or unwelcome', () => {
  const terminal = { isTTY: true };
  expect(wantsColour(true, xterm, terminal)).toBe(true);
  expect(wantsColour(true, xterm, {})).toBe(false);
  expect(wantsColour(true, { ...xterm, NO_COLOR: '1' }, terminal)).toBe(false);
  expect(wantsColour(true, { ...xterm, NO_COLOR: '' }, terminal)).toBe(true);
  expect(wantsColour(true, { FORCE_COLOR: '1', NO_COLOR: '1' }, {})).toBe(true);
  expect(wantsColour(true, { ...xterm, FORCE_COLOR: '0' }, terminal)).toBe(false);
  expect(wantsColour(false, { FORCE_COLOR: '1' }, terminal)).toBe(false);
});

test('a reporter that is closed before its live view is there leaves the terminal alone', async () => {
  const terminal = new Terminal(80, 24);
  const options = { json: false, verbose: false, quiet: false, color: true, cwd: '/', env: xterm };
  const reporter = createReporter(terminal, { ...options, self: 'pibuild', board: 'b', verbs: [] }, steppedClock());
  reporter.emit({ type: 'build-started', at: 0, targets: [], tasks: 1 });
  reporter.emit({ type: 'task-started', at: 0, task: 'a:b' as never, title: 't', reason: 'r', log: '/l' });
  reporter.close();
  await import('../../../src/report/live-view.ts');
  await new Promise(setImmediate);
  expect(terminal).toMatchObject({ text: '', cursorShown: true });
});

test('a second build in one go has a live view again', async () => {
  const terminal = new Terminal(80, 24);
  const options = { json: false, verbose: false, quiet: false, color: true, cwd: '/', env: xterm };
  const clock = steppedClock();
  const reporter = createReporter(terminal, { ...options, self: 'pibuild', verbs: [] }, clock);
  for (const build of [1, 2]) {
    const task = `a:b${build}` as TaskId;
    reporter.emit({ type: 'build-started', at: clock.now(), targets: [], tasks: 1 });
    reporter.emit({ type: 'task-started', at: clock.now(), task, title: 't', reason: 'r', log: '/l' });
    await vi.waitUntil(() => !terminal.cursorShown);
    expect(terminal.text).toContain('[0/1] 1 running');
    const fingerprint = 'ff' as Fingerprint;
    reporter.emit({ type: 'task-finished', at: clock.now(), task, title: 't', fingerprint, outcome: 'ran', took: 1 });
    reporter.emit({ type: 'build-finished', at: clock.now(), ok: true, ran: 1, stored: 0, failed: 0, took: 1 });
    expect(terminal.cursorShown).toBe(true);
  }
  reporter.close();
  expect(terminal.text).not.toContain('running');
});
