import {
  ANSI_ESCAPE_CODES,
  DefaultRenderer,
  figures,
  Listr,
  type ListrDefaultRendererTask,
  ListrEventManager,
  ProcessOutput,
  Spinner,
} from 'listr2';
import type { TaskId } from '../graph/task.ts';
import type { Clock } from './clock.ts';
import type { Look } from './lines.ts';
import type { Progress, Running } from './progress.ts';
import { runningDetail, runningRow, statusLine, withinHeight } from './rows.ts';
import { createScreen, type Screen } from './screen.ts';
import type { TerminalOutput } from './terminal.ts';

/** The running tasks as the last lines of the terminal. */
export interface LiveView {
  /** Lines that scroll up above the running tasks and stay. */
  print(lines: readonly string[]): void;
  close(): void;
}

/**
 * listr2 draws; it schedules nothing. Each running task is a listr2 task whose promise is settled when the builder says
 * that it ended. Only how rows get onto the screen is ours (`screen.ts`): listr2's own way draws every finished task
 * again and again, and writes to a copy of the stream that does not notice when the terminal is resized.
 */
export function openLiveView(output: TerminalOutput, progress: Progress, look: Look, clock: Clock): LiveView {
  const terminal = new ProcessOutput(output as NodeJS.WriteStream, process.stderr, { leaveEmptyLine: false });
  const size = () => ({ columns: output.columns || 80, rows: output.rows || 24 });
  const screen = createScreen((text) => terminal.toStdout(text, false), size);
  const spinner = new Spinner();
  const rows = new Map<TaskId, Row>();
  const renderer = new RowRenderer(rows, look, spinner);

  const draw = (above: readonly string[] = []) => {
    const now = clock.now();
    keepRows(rows, progress.running, now, size().columns, look);
    const frame = [...renderer.rows(), statusLine(progress, now, size().columns, look)];
    screen.draw(withinHeight(frame, size().rows), above);
  };

  terminal.hijack();
  const stops = [
    clock.every(100, () => {
      spinner.spin();
      draw();
    }),
    whileSuspended(terminal, screen, draw),
  ];
  const close = () => {
    if (stops.length === 0) return;
    for (const stop of stops.splice(0)) stop();
    process.off('exit', close);
    for (const row of rows.values()) row.settle();
    screen.draw([]);
    terminal.release();
  };
  process.on('exit', close);
  draw();
  return { print: (lines) => lines.length > 0 && draw(lines), close };
}

/** A running task as listr2 knows it. */
interface Row {
  readonly task: ListrDefaultRendererTask;
  settle(): void;
}

function keepRows(rows: Map<TaskId, Row>, running: Progress['running'], now: number, columns: number, look: Look) {
  for (const [id, row] of rows) {
    if (running.has(id)) continue;
    row.settle();
    rows.delete(id);
  }
  for (const [id, state] of running) {
    const row = rows.get(id) ?? createRow(state);
    rows.set(id, row);
    row.task.title$ = runningRow(state, now, columns, look.style);
    const detail = runningDetail(state, columns);
    if (detail !== '') row.task.output$ = detail;
  }
}

function createRow({ title }: Running): Row {
  let settle = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const list = new Listr({ title, task: () => settled }, { renderer: 'silent', registerSignalListeners: false });
  void list.run();
  const [task] = list.tasks;
  if (task === undefined) throw new Error('listr2 made no task');
  return { task: task as unknown as ListrDefaultRendererTask, settle };
}

/** listr2's renderer, asked for its rows alone. */
class RowRenderer extends DefaultRenderer {
  readonly #rows: ReadonlyMap<TaskId, Row>;
  readonly #look: Look;
  readonly #shown: ListrDefaultRendererTask[];

  constructor(rows: ReadonlyMap<TaskId, Row>, look: Look, spinner: Spinner) {
    const shown: ListrDefaultRendererTask[] = [];
    const icon = { PENDING: () => spinner.fetch(), OUTPUT: figures.pointerSmall };
    const color = { PENDING: look.style.yellow, OUTPUT: look.style.dim } as Record<string, (text?: string) => string>;
    // `lazy`: it starts no timer of its own.
    super(shown, { lazy: true, spinner, icon, color }, new ListrEventManager());
    this.#shown = shown;
    this.#rows = rows;
    this.#look = look;
  }

  rows(): string[] {
    this.#shown.splice(0, Infinity, ...[...this.#rows.values()].map((row) => row.task));
    const text = this.create();
    return text === '' ? [] : text.split('\n');
  }

  /** Rows are laid out to the terminal's width already. */
  protected override format(message: string, icon: string, level: number): string[] {
    return [`${'  '.repeat(level)}${icon} ${level > 0 ? this.#look.style.dim(message) : message}`];
  }
}

/** Ctrl-Z gives the cursor back, and `fg` draws anew below what the shell printed meanwhile. */
function whileSuspended(terminal: ProcessOutput, screen: Screen, draw: () => void): () => void {
  const suspend = () => {
    terminal.toStdout(ANSI_ESCAPE_CODES.CURSOR_SHOW, false);
    screen.forget();
    process.kill(process.pid, 'SIGSTOP');
  };
  const resume = () => {
    terminal.toStdout(ANSI_ESCAPE_CODES.CURSOR_HIDE, false);
    draw();
  };
  process.on('SIGTSTP', suspend).on('SIGCONT', resume);
  return () => process.off('SIGTSTP', suspend).off('SIGCONT', resume);
}
