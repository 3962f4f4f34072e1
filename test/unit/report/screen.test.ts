import { expect, test } from 'vitest';
import { withinHeight } from '../../../src/report/rows.ts';
import { createScreen } from '../../../src/report/screen.ts';
import { Terminal } from '../../helpers/terminal.ts';

function screenOn(terminal: Terminal) {
  const written: string[] = [];
  const screen = createScreen(
    (text) => {
      written.push(text);
      terminal.write(text);
    },
    () => terminal,
  );
  return { screen, written };
}

test('a frame takes the place of the one before, whether it is longer or shorter', () => {
  const terminal = new Terminal(40, 10);
  const { screen } = screenOn(terminal);
  screen.draw(['one', 'two', 'three']);
  screen.draw(['one', 'II']);
  expect(terminal.text).toBe('one\nII');
  screen.draw(['one', 'II', 'III', 'IV']);
  expect(terminal.text).toBe('one\nII\nIII\nIV');
});

test('lines above a frame scroll up and stay, also when the terminal is full', () => {
  const terminal = new Terminal(40, 4);
  const { screen } = screenOn(terminal);
  for (let line = 1; line <= 6; line++) screen.draw(['running', 'status'], [`finished ${line}`]);
  screen.draw([], ['the end']);
  expect(terminal.text.split('\n')).toEqual([1, 2, 3, 4, 5, 6].map((line) => `finished ${line}`).concat('the end'));
});

test('a line that did not change is not written again', () => {
  const { screen, written } = screenOn(new Terminal(40, 10));
  screen.draw(['a long title', '1 s']);
  screen.draw(['a long title', '2 s']);
  expect(written[1]).not.toContain('a long title');
  expect(written[1]).toContain('2 s');
});

test('after the terminal became narrower, the rows that its lines were wrapped into are drawn over', () => {
  const terminal = new Terminal(40, 10);
  const { screen, written } = screenOn(terminal);
  screen.draw(['x'.repeat(38), 'status']);
  terminal.columns = 20;
  screen.draw(['narrow', 'status']);
  expect(written[1]).toContain('\u001b[3A');
});

test('a line that is wider than was thought moves nothing', () => {
  const terminal = new Terminal(10, 10);
  const { screen } = screenOn(terminal);
  screen.draw(['a line of more than ten', 'status']);
  screen.draw(['short', 'status']);
  expect(terminal.text).toBe('short\nstatus');
});

test('a frame leaves a line to what scrolls: first what tasks print goes, then tasks become one line', () => {
  const frame = ['* a', '  › prints', '* b', '  › prints', '* c', '  status'];
  expect(withinHeight(frame, 10)).toEqual(frame);
  expect(withinHeight(frame, 6)).toEqual(['* a', '* b', '* c', '  status']);
  expect(withinHeight(frame, 5)).toEqual(['* a', '  and 2 more tasks', '  status']);
});
