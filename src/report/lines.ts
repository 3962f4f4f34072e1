import { relative } from 'node:path';
import type {
  BuildFinished,
  Event,
  ImageReady,
  Note,
  Reason,
  TaskFailed,
  TaskFinished,
  TaskStarted,
} from '../build/event.ts';
import { type Diagnostic, formatDiagnostic } from '../diagnostic.ts';
import { count, formatBytes, formatDuration, printable, table } from './format.ts';
import { type Progress, settled } from './progress.ts';
import { taskRow } from './rows.ts';
import type { Style } from './style.ts';

/** How lines are written and for whom. */
export interface Look {
  readonly style: Style;
  readonly verbose: boolean;
  /** Only what went wrong. */
  readonly quiet: boolean;
  /** A mark before tasks: `[12/40]` where lines stay, a tick where a live view counts. */
  readonly counted: boolean;
  /** What task lines are fitted into; infinite where lines are as long as they are. */
  columns(): number;
  /** Paths are shown relative to this folder when they are below it. Absolute. */
  readonly cwd: string;
  /** How pibuild is called here: `npx pibuild`. */
  readonly self: string;
  /** Whose build it is; absent: no board's. */
  readonly board?: string;
  /** The verbs that can be suggested. */
  readonly verbs: readonly string[];
}

/** The lines that an event leaves for good, in a terminal's scroll-back as in a log. `progress` has the event in it. */
export function permanentLines(event: Event, progress: Progress, look: Look): string[] {
  switch (event.type) {
    case 'task-started':
      return look.quiet ? [] : started(event, look);
    case 'task-output':
      return look.verbose && !look.quiet ? [`${look.style.dim(`${event.task}:`)} ${printable(event.line)}`] : [];
    case 'task-finished':
      return look.quiet ? [] : finished(event, progress, look);
    case 'task-failed':
      return event.outcome === 'cancelled' ? [] : failed(event, progress, look);
    case 'store-damaged':
      return [damaged(event.entry, look)];
    case 'waiting':
      return look.quiet || !look.counted ? [] : [`${event.task}: another pibuild builds it, waiting`];
    case 'warning':
      return diagnosticLines(event.diagnostic, look.style);
    case 'failed':
      return event.diagnostics.flatMap((diagnostic) => diagnosticLines(diagnostic, look.style));
    case 'build-finished':
      return summary(event, progress, look);
    case 'image-ready':
      return look.quiet ? [] : imageLines(event, look);
    case 'build-started':
    case 'task-progress':
      return [];
  }
}

/** A diagnostic with its first word coloured by how bad it is. */
export function diagnosticLines(diagnostic: Diagnostic, style: Style): string[] {
  const paint = diagnostic.severity === 'error' ? style.red : style.yellow;
  const lines = formatDiagnostic(diagnostic).split('\n');
  return lines.map((line, index) =>
    index === 0 ? line.replace(`${diagnostic.severity}:`, paint(`${diagnostic.severity}:`)) : line,
  );
}

/** A path as it is typed from where the user stands. */
export function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}

/** Reasons as people read them, the notes of each below it. */
export function reasonLines(reasons: readonly Reason[]): string[] {
  return reasons.flatMap(({ message, notes }) => [
    printable(message),
    ...notes.map((note) => `  ${printable(formatNote(note))}`),
  ]);
}

/** `boards/gate/board.yaml:4: hostname: gate -> door` */
function formatNote({ message, at }: Note): string {
  return at === undefined ? message : `${at.file}:${at.line}: ${message}`;
}

function started({ task, title, reason, because }: TaskStarted, { style, verbose }: Look): string[] {
  if (because === undefined) return verbose ? [`${style.cyan(task)}: ${title} ${style.dim(`(${reason})`)}`] : [];
  return [`${style.cyan(task)}: ${title}, because`, ...reasonLines(because).map((line) => `    ${style.dim(line)}`)];
}

function finished(event: TaskFinished, progress: Progress, look: Look): string[] {
  if (event.outcome === 'stored' || event.outcome === 'known') return [];
  const time = event.outcome === 'ran' ? formatDuration(event.took) : 'elsewhere';
  return [taskLine(event, look.style.green('✔'), time, progress, look)];
}

/** `[12/40] busybox:build         compile busybox                  41.2 s` */
function taskLine(
  { task, title }: { task: string; title: string },
  mark: string,
  time: string,
  progress: Progress,
  look: Look,
): string {
  const width = String(progress.total).length;
  const counter = `[${String(settled(progress)).padStart(width)}/${progress.total}]`;
  return `${look.counted ? counter : mark} ${taskRow(task, title, time, look.columns(), look.style.dim)}`;
}

function failed(event: TaskFailed, progress: Progress, look: Look): string[] {
  const { style } = look;
  const time = `failed after ${formatDuration(event.took)}`;
  const known = [
    ['log', shownPath(event.log, look.cwd)],
    ...(event.command === undefined ? [] : [['command', event.command]]),
    ...(event.command !== undefined && look.board !== undefined && look.verbs.includes('shell')
      ? [['shell', `${look.self} shell ${look.board} ${event.task}`]]
      : []),
  ];
  return [
    taskLine(event, style.red('✖'), time, progress, look),
    ...event.tail.map((line) => `    ${style.dim('|')} ${printable(line)}`),
    ...event.diagnostics.flatMap((diagnostic) => diagnosticLines(diagnostic, style)).map((line) => `  ${line}`),
    ...table(known.map(([name = '', value = '']) => [`  ${style.dim(name)}`, value])),
  ];
}

function damaged(entry: string, { style }: Look): string {
  return `${style.yellow('warning:')} ${entry} in the store was not what was written there; it is made anew`;
}

function summary(event: BuildFinished, progress: Progress, look: Look): string[] {
  const { style, quiet } = look;
  const took = formatDuration(event.took);
  if (event.ok && quiet) return [];
  if (event.ok && event.ran === 0) return [`nothing to do, ${count(event.stored, 'task')} up to date (${took})`];
  const work = `${count(event.ran, 'task')} ran, ${event.stored} up to date (${took})`;
  if (event.ok) return [work];
  if (progress.failed.size === 0) return [`${style.red('stopped')}; ${work}; the same command goes on from here`];
  return [`${style.red(`failed: ${[...progress.failed].join(', ')}`)}; ${work}`];
}

function imageLines(event: ImageReady, look: Look): string[] {
  const { style, self, verbs, cwd } = look;
  const size = `${formatBytes(event.size)}, ${formatBytes(event.used)} of it used${event.copied ? '' : ', unchanged'}`;
  const next = [
    ['run', `run ${event.board}`, 'boot it here, without the board'],
    ['test', `test ${event.board}`, 'boot it and check it'],
    ['flash', `flash ${event.board} /dev/sdX`, 'write it to a card'],
  ].filter(([verb = '']) => verbs.includes(verb));
  return [
    '',
    ...table([
      [style.dim('image'), `${style.bold(shownPath(event.image, cwd))}  ${size}`],
      [style.dim('sha256'), event.sha256],
    ]),
    ...(next.length > 0 ? [''] : []),
    ...table(next.map(([, words = '', purpose = '']) => [style.bold(`${self} ${words}`), style.dim(purpose)])),
  ];
}
