import { count, cut, formatBytes, formatElapsed, formatRate, pad, textWidth } from './format.ts';
import { type Progress, type Running, settled } from './progress.ts';
import type { Style } from './style.ts';

/** The rows of the live view, laid out to a terminal's width. Pure. */

/**
 * A task's line without the mark before it, in columns as long as nothing is longer than usual; where the terminal is
 * narrow, the title gives way: `linux:build             compile the kernel                  3 min 12 s`.
 */
export function taskRow(
  task: string,
  title: string,
  time: string,
  columns: number,
  paintTime: (text: string) => string,
): string {
  const available = columns - markColumns - 1;
  const name = pad(task, taskColumns);
  const room = available - textWidth(name) - time.length - 4;
  if (room < 8) return `${cut(task, available - time.length - 2)}  ${paintTime(time)}`;
  return `${name}  ${pad(cut(title, room), Math.min(room, titleColumns))}  ${paintTime(time)}`;
}

export function runningRow({ task, title, startedAt }: Running, now: number, columns: number, style: Style): string {
  return taskRow(task, title, formatElapsed(Math.max(0, now - startedAt)), columns, style.dim);
}

/** What a running task does just now: how far its download is, else the last line it printed; empty: nothing yet. */
export function runningDetail({ line, transfer }: Running, columns: number): string {
  const text = transfer ? transferText(transfer) : (line ?? '');
  return cut(text, columns - 2 * markColumns - 1);
}

/** `  [12/40] 2 running, 25 up to date, 1 failed  1 min 4 s` */
export function statusLine(progress: Progress, now: number, columns: number, { style }: { style: Style }): string {
  const parts = [
    `${progress.running.size} running`,
    ...(progress.upToDate.size > 0 ? [`${progress.upToDate.size} up to date`] : []),
    ...(progress.failed.size > 0 ? [`${progress.failed.size} failed`] : []),
  ];
  const counter = `[${settled(progress)}/${progress.total}]`;
  const time = formatElapsed(Math.max(0, now - progress.startedAt));
  return `  ${style.dim(cut(`${counter} ${parts.join(', ')}  ${time}`, columns - markColumns - 1))}`;
}

/**
 * A frame that leaves at least one line of the terminal to what scrolls up: first what the tasks print goes, then the
 * tasks that do not fit become one line. The last line is the status.
 */
export function withinHeight(frame: readonly string[], rows: number): string[] {
  const room = rows - 2;
  if (frame.length <= room) return [...frame];
  const status = frame.at(-1) ?? '';
  const tasks = frame.slice(0, -1).filter((line) => !line.startsWith('  '));
  if (tasks.length + 1 <= room) return [...tasks, status];
  const kept = tasks.slice(0, Math.max(0, room - 2));
  return [...kept, `  and ${count(tasks.length - kept.length, 'more task')}`, status];
}

const taskColumns = 22;
const titleColumns = 34;
/** A spinner or an arrow, and a space. */
const markColumns = 2;

function transferText({ done, total, rate }: NonNullable<Running['transfer']>): string {
  const size = total === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
  if (rate === undefined) return size;
  const left = total === undefined || rate < 1 ? '' : `, ${formatElapsed(((total - done) * 1000) / rate)} left`;
  return `${size}, ${formatRate(rate)}${left}`;
}
