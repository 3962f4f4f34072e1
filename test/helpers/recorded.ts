import type { Event } from '../../src/build/event.ts';
import type { Fingerprint, TaskId } from '../../src/graph/task.ts';
import type { Clock } from '../../src/report/clock.ts';

/** Builds as a builder tells them, in milliseconds since the start. */

type Timed<E> = E extends Event ? Omit<E, 'at'> & { at: number } : never;
const id = (name: string) => name as TaskId;
const fingerprint = 'f'.repeat(64) as Fingerprint;
const start = Date.UTC(2026, 10, 24, 6);

function recorded(events: readonly Timed<Event>[]): Event[] {
  return events.map((event) => ({ ...event, at: start + event.at }) as Event);
}

function starts(at: number, task: string, title: string, reason = 'never built here'): Timed<Event> {
  const log = `/home/me/pi/output/rpi3/logs/${task.replace(':', '.')}.log`;
  return { type: 'task-started', at, task: id(task), title, reason, log };
}

function ends(at: number, task: string, title: string, took: number): Timed<Event> {
  return { type: 'task-finished', at, task: id(task), title, fingerprint, outcome: took > 0 ? 'ran' : 'stored', took };
}

/** A download, a compiler that overwrites its line and is silent for long, a damaged entry, a warning. */
export const changedKernel: readonly Event[] = recorded([
  { type: 'build-started', at: 0, targets: ['rpi3:disk'], tasks: 9 },
  { ...ends(20, 'busybox:fetch', 'download busybox', 0), outcome: 'known' } as Timed<Event>,
  ends(30, 'busybox:build', 'compile busybox', 0),
  ends(31, 'busybox:unpack', 'unpack busybox', 0),
  ends(32, 'tools/build:unpack', 'unpack 214 debs', 0),
  starts(40, 'linux:fetch', 'download the source of linux', 'not downloaded yet'),
  { type: 'task-progress', at: 100, task: id('linux:fetch'), done: 10_000_000, total: 147_906_904 },
  { type: 'task-progress', at: 1100, task: id('linux:fetch'), done: 50_000_000, total: 147_906_904 },
  { type: 'task-progress', at: 3100, task: id('linux:fetch'), done: 147_906_904, total: 147_906_904 },
  ends(3200, 'linux:fetch', 'download the source of linux', 3160),
  {
    type: 'store-damaged',
    at: 3210,
    entry: 'cas/ab/abcdef',
  },
  starts(3300, 'linux:build', 'compile the kernel', "input 'config' changed"),
  starts(3310, 'libc:debs', 'unpack libc6', 'its result is not in the store'),
  { type: 'task-output', at: 3400, task: id('linux:build'), line: '\u001b[1m  CC\u001b[0m\tinit/main.o' },
  { type: 'task-output', at: 3500, task: id('linux:build'), line: ' 50%\r 99%\r100% linked' },
  ends(4100, 'libc:debs', 'unpack libc6', 790),
  {
    type: 'warning',
    at: 4200,
    diagnostic: {
      severity: 'warning',
      code: 'lock/vanished',
      message: 'libfoo 1.2 is gone from every mirror; the package was locked anew',
      hint: 'commit packages/libfoo/debs.lock.json',
    },
  },
  { type: 'task-output', at: 70_000, task: id('linux:build'), line: '  LD      vmlinux' },
  ends(101_000, 'linux:build', 'compile the kernel', 97_700),
  { type: 'waiting', at: 101_010, task: id('rpi3:root') },
  { ...ends(103_000, 'rpi3:root', 'merge the layers', 0), outcome: 'elsewhere' } as Timed<Event>,
  starts(103_010, 'rpi3:disk', 'write the card image', "input 'boot' changed"),
  ends(105_000, 'rpi3:disk', 'write the card image', 1990),
  { type: 'build-finished', at: 105_010, ok: true, ran: 4, stored: 5, failed: 0, took: 105_010 },
  {
    type: 'image-ready',
    at: 105_500,
    board: 'rpi3',
    image: '/home/me/pi/output/rpi3/rpi3.img',
    size: 536_870_912,
    used: 64_123_456,
    sha256: '0123456789abcdef'.repeat(4),
    copied: true,
  },
]);

/** One task fails while another one runs; a third had nothing to do with it. */
export const brokenSource: readonly Event[] = recorded([
  { type: 'build-started', at: 0, targets: ['rpi3:disk'], tasks: 3 },
  starts(10, 'busybox:build', 'compile busybox', "input 'source' changed"),
  starts(20, 'linux:build', 'compile the kernel'),
  { type: 'task-output', at: 900, task: id('busybox:build'), line: 'libbb/appletlib.c:12: error: expected )' },
  {
    type: 'task-failed',
    at: 1000,
    task: id('busybox:build'),
    title: 'compile busybox',
    took: 990,
    outcome: 'failed',
    diagnostics: [
      { severity: 'error', code: 'task/failed', message: 'the command ended with exit code 2', hint: 'see the log' },
    ],
    log: '/home/me/pi/output/rpi3/logs/busybox.build.log',
    tail: ['  CC      libbb/appletlib.o', 'libbb/appletlib.c:12: error: expected )', 'make: *** [libbb] Error 2'],
    command: "bwrap --ro-bind /store/trees/ab / /usr/bin/bash -euo pipefail -c 'make busybox'",
  },
  {
    type: 'task-failed',
    at: 1100,
    task: id('linux:build'),
    title: 'compile the kernel',
    took: 1080,
    outcome: 'cancelled',
    diagnostics: [],
    log: '/home/me/pi/output/rpi3/logs/linux.build.log',
    tail: [],
  },
  { type: 'build-finished', at: 1200, ok: false, ran: 0, stored: 0, failed: 1, took: 1200 },
]);

/** Ctrl-C while two tasks run. */
export const interrupted: readonly Event[] = recorded([
  { type: 'build-started', at: 0, targets: ['rpi3:disk'], tasks: 3 },
  starts(10, 'busybox:build', 'compile busybox'),
  starts(20, 'linux:build', 'compile the kernel'),
  ...(['busybox:build', 'linux:build'] as const).map(
    (task): Timed<Event> => ({
      type: 'task-failed',
      at: 5000,
      task: id(task),
      title: task,
      took: 4900,
      outcome: 'cancelled',
      diagnostics: [{ severity: 'error', code: 'task/cancelled', message: `${task} was cancelled` }],
      log: `/home/me/pi/output/rpi3/logs/${task}.log`,
      tail: [],
    }),
  ),
  { type: 'build-finished', at: 5100, ok: false, ran: 0, stored: 1, failed: 0, took: 5100 },
]);

export const nothingToDo: readonly Event[] = recorded([
  { type: 'build-started', at: 0, targets: ['rpi3:disk'], tasks: 2 },
  ends(40, 'rpi3:root', 'merge the layers', 0),
  ends(50, 'rpi3:disk', 'write the card image', 0),
  { type: 'build-finished', at: 60, ok: true, ran: 0, stored: 2, failed: 0, took: 60 },
  {
    type: 'image-ready',
    at: 70,
    board: 'rpi3',
    image: '/home/me/pi/output/rpi3/rpi3.img',
    size: 536_870_912,
    used: 64_123_456,
    sha256: '0123456789abcdef'.repeat(4),
    copied: false,
  },
]);

/** A clock that stands still until it is moved; what was asked for along the way is called in time. */
export function steppedClock(): Clock & { moveTo(time: number): void } {
  let now = start;
  const timers = new Set<{ every: number; next: number; callback: () => void }>();
  return {
    now: () => now,
    every(milliseconds, callback) {
      const timer = { every: milliseconds, next: now + milliseconds, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    moveTo(time) {
      for (;;) {
        const due = [...timers].filter(({ next }) => next <= time).sort((a, b) => a.next - b.next)[0];
        if (!due) break;
        now = due.next;
        due.next += due.every;
        due.callback();
      }
      now = time;
    },
  };
}
