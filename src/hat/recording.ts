import { type Diagnostic, Failure, type SourceLocation, textPlaces } from '../diagnostic.ts';
import { parseDuration } from '../recipe/units.ts';
import type { Step } from './timeline.ts';

/**
 * Values that were recorded, as CSV: a head that names the columns, then a row for each time.
 *
 *     time,enviro-phat.bmp280.temperature,enviro-phat.bmp280.pressure
 *     0,21.5,1013.2
 *     0.5,21.6 °C,
 *     2026-11-24T10:00:00Z,...
 *
 * Times are seconds, times with a unit (500ms), or moments of a calendar, which count from the first row's. Empty: as it
 * was. Throws a `Failure` with every row that is none, at most ten: `timeline/bad-csv`, `timeline/bad-time`.
 */
export function parseRecording(text: string, file: string): Step[] {
  const place = textPlaces(file, text);
  const problems: Diagnostic[] = [];
  const report = (code: string, message: string, cell: Cell, hint?: string): void => {
    const at = place(cell.offset, Math.max(1, cell.text.length));
    problems.push({ severity: 'error', code: `timeline/${code}`, message, at, ...(hint !== undefined && { hint }) });
  };
  const [head, ...rows] = rowsOf(text);
  if (head === undefined || head.length < 2) {
    const cell = head?.[0] ?? { text: '', offset: 0 };
    const hint = 'the first row names the columns: time,enviro-phat.bmp280.temperature';
    report('bad-csv', 'there is no column with values', cell, hint);
    throw new Failure(...problems);
  }
  const [, ...columns] = head;
  const steps: Step[] = [];
  let first: number | undefined;
  let last = 0;
  for (const [time, ...cells] of rows) {
    if (time === undefined) continue;
    if (cells.length > columns.length) {
      report('bad-csv', `there are ${cells.length + 1} values, but ${head.length} columns`, time);
    }
    const read = timeOf(time.text);
    if (read === undefined) {
      report(
        'bad-time',
        `'${time.text}' is no time`,
        time,
        'write seconds, a time like 500ms, or 2026-11-24T10:00:00Z',
      );
      continue;
    }
    if (read.calendar) first ??= read.at;
    const at = read.at - (read.calendar ? (first ?? 0) : 0);
    if (at < last) report('bad-time', 'this is before the row above it', time);
    last = Math.max(last, at);
    steps.push(...setSteps(at, columns, cells, place));
  }
  if (problems.length > 0) throw new Failure(...problems.slice(0, MOST));
  return steps;
}

const MOST = 10;

interface Cell {
  readonly text: string;
  readonly offset: number;
}

function setSteps(
  at: number,
  columns: readonly Cell[],
  cells: readonly Cell[],
  place: (offset: number, length?: number) => SourceLocation,
): Step[] {
  return columns.flatMap(({ text: path }, index): Step[] => {
    const cell = cells[index];
    if (cell === undefined || cell.text === '' || path === '') return [];
    return [{ at, do: 'set', path, written: cell.text, place: place(cell.offset, cell.text.length) }];
  });
}

/** Milliseconds; of a moment of the calendar since 1970. */
function timeOf(text: string): { at: number; calendar: boolean } | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return { at: Math.round(Number(text) * 1000), calendar: false };
  if (/^\d+(\.\d+)?(ms|s|m)$/.test(text)) return { at: parseDuration(text), calendar: false };
  const moment = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  return Number.isNaN(moment) ? undefined : { at: moment, calendar: true };
}

/** Rows with something in them, comments left out. Quotes around a value do not belong to it. */
function rowsOf(text: string): Cell[][] {
  let offset = 0;
  return text.split('\n').flatMap((line) => {
    const start = offset;
    offset += line.length + 1;
    return /^\s*(#|$)/.test(line) ? [] : [cellsOf(line, start)];
  });
}

function cellsOf(line: string, start: number): Cell[] {
  return [...line.matchAll(/(?:^|,)\s*(?:"([^"]*)"|([^,]*))/g)].map((found) => {
    const text = (found[1] ?? found[2] ?? '').trim();
    return { text, offset: start + found.index + found[0].indexOf(text) };
  });
}
