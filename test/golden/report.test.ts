import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import type { Event } from '../../src/build/event.ts';
import { createReporter, type ReportOptions } from '../../src/report/reporter.ts';
import { brokenSource, changedKernel, interrupted, nothingToDo, steppedClock } from '../helpers/recorded.ts';
import { Terminal } from '../helpers/terminal.ts';

const builds = {
  'changed-kernel': changedKernel,
  'broken-source': brokenSource,
  'nothing-to-do': nothingToDo,
  interrupted,
};

const forms = {
  'plain.txt': {},
  'verbose.txt': { verbose: true },
  'quiet.txt': { quiet: true },
  jsonl: { json: true },
};

for (const [build, events] of Object.entries(builds)) {
  for (const [form, wishes] of Object.entries(forms)) {
    test(`${build} reads in a pipe as recorded: ${form}`, async () => {
      await expect(inPipe(events, wishes)).toMatchFileSnapshot(`report/${build}.${form}`);
    });
  }
  for (const columns of [60, 100]) {
    test(`${build} shows on a terminal of ${columns} columns what is recorded`, async () => {
      const shown = await onTerminal(events, columns);
      await expect(shown).toMatchFileSnapshot(`report/${build}.terminal-${columns}.txt`);
    });
  }
}

test('no control character reaches a pipe', () => {
  expect(inPipe(changedKernel, { verbose: true })).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
});

function options(wishes: Partial<ReportOptions>): ReportOptions {
  const cwd = '/home/me/pi';
  const verbs = ['make', 'run', 'test', 'shell', 'flash'];
  const no = { json: false, verbose: false, quiet: false };
  return { ...no, color: true, cwd, env: { TERM: 'xterm' }, self: 'pibuild', board: 'rpi3', verbs, ...wishes };
}

function inPipe(events: readonly Event[], wishes: Partial<ReportOptions>): string {
  const output = new PassThrough();
  const clock = steppedClock();
  const reporter = createReporter(output, options(wishes), clock);
  for (const event of events) {
    clock.moveTo(event.at);
    reporter.emit(event);
  }
  reporter.close();
  return String(output.read() ?? '');
}

/** What a terminal shows after every line that a task printed, and in the end. */
async function onTerminal(events: readonly Event[], columns: number): Promise<string> {
  const terminal = new Terminal(columns, 24);
  const clock = steppedClock();
  const reporter = createReporter(terminal, options({}), clock);
  const shown: string[] = [];
  for (const event of events) {
    clock.moveTo(event.at);
    reporter.emit(event);
    if (event.type === 'task-started') await vi.waitUntil(() => !terminal.cursorShown);
    if (event.type !== 'task-output' && event.type !== 'task-progress') continue;
    // listr2 starts its tasks in promises of its own.
    clock.moveTo(event.at + 100);
    await new Promise(setImmediate);
    clock.moveTo(event.at + 200);
    shown.push(`=== ${event.type} of ${event.task}`, terminal.text, '');
  }
  reporter.close();
  expect(terminal).toMatchObject({ cursorShown: true, wraps: true });
  return [...shown, '=== the end', terminal.text, ''].join('\n');
}
