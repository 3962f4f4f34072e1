import type { Event, TaskProgress } from '../build/event.ts';
import type { TaskId } from '../graph/task.ts';
import { printable } from './format.ts';

/** How far a build is: what all events so far come to. */
export interface Progress {
  /** How many tasks the targets need. */
  total: number;
  startedAt: number;
  ran: Set<TaskId>;
  /** Found in the store, or made by another pibuild meanwhile. */
  upToDate: Set<TaskId>;
  failed: Set<TaskId>;
  cancelled: Set<TaskId>;
  /** In the order in which they started. */
  running: Map<TaskId, Running>;
}

export interface Running {
  readonly task: TaskId;
  readonly title: string;
  readonly startedAt: number;
  /** The last line it printed, free of control characters. */
  line?: string;
  transfer?: Transfer;
}

/** Bytes, and bytes in a second; absent: unknown. */
export interface Transfer {
  done: number;
  total?: number;
  rate?: number;
}

export function newProgress(): Progress & Advance {
  const samples = new Map<TaskId, Sample[]>();
  const progress: Progress = {
    total: 0,
    startedAt: 0,
    ran: new Set(),
    upToDate: new Set(),
    failed: new Set(),
    cancelled: new Set(),
    running: new Map(),
  };
  return Object.assign(progress, { advance: (event: Event) => advance(progress, samples, event) });
}

export interface Advance {
  advance(event: Event): void;
}

/** How many tasks need no further thought. */
export function settled(progress: Progress): number {
  return progress.ran.size + progress.upToDate.size + progress.failed.size + progress.cancelled.size;
}

interface Sample {
  at: number;
  done: number;
}

function advance(progress: Progress, samples: Map<TaskId, Sample[]>, event: Event): void {
  switch (event.type) {
    case 'build-started':
      for (const set of [progress.ran, progress.upToDate, progress.failed, progress.cancelled]) set.clear();
      progress.running.clear();
      progress.total = event.tasks;
      progress.startedAt = event.at;
      return;
    case 'task-started':
      // Also one that was up to date until its bytes turned out to be lost.
      settle(progress, samples, event.task);
      progress.running.set(event.task, { task: event.task, title: event.title, startedAt: event.at });
      return;
    case 'waiting':
      progress.running.set(event.task, {
        task: event.task,
        title: 'wait for another pibuild, which builds it',
        startedAt: event.at,
      });
      return;
    case 'task-output': {
      const running = progress.running.get(event.task);
      const line = printable(event.line).trim();
      if (running && line !== '') running.line = line;
      return;
    }
    case 'task-progress': {
      const running = progress.running.get(event.task);
      if (running) running.transfer = transferOf(event, samples);
      return;
    }
    case 'task-finished':
      settle(progress, samples, event.task, event.outcome === 'ran' ? progress.ran : progress.upToDate);
      return;
    case 'task-failed':
      settle(progress, samples, event.task, event.outcome === 'failed' ? progress.failed : progress.cancelled);
      return;
  }
}

/** Puts a task where it belongs now, and nowhere else. */
function settle(progress: Progress, samples: Map<TaskId, Sample[]>, task: TaskId, into?: Set<TaskId>): void {
  const { running, ran, upToDate, failed, cancelled } = progress;
  running.delete(task);
  samples.delete(task);
  for (const set of [ran, upToDate, failed, cancelled]) set.delete(task);
  into?.add(task);
}

/** The rate is that of the last seconds: what was there already when a download resumed does not count. */
function transferOf(event: TaskProgress, samples: Map<TaskId, Sample[]>): Transfer {
  const { at, task, done, total } = event;
  const recent = [...(samples.get(task) ?? []), { at, done }].filter((sample) => sample.at >= at - rateWindow);
  samples.set(task, recent);
  const first = recent[0];
  const rate = first && at - first.at >= 500 ? Math.max(0, ((done - first.done) * 1000) / (at - first.at)) : undefined;
  return { done, ...(total !== undefined && { total }), ...(rate !== undefined && { rate }) };
}

/** Milliseconds. */
const rateWindow = 5000;
