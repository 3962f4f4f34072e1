import type { Clock } from './clock.ts';
import { cut, formatBytes, formatElapsed } from './format.ts';
import { type Look, permanentLines } from './lines.ts';
import { newProgress, type Progress, type Running } from './progress.ts';
import type { Reporter } from './reporter.ts';

/**
 * Lines that stay: for pipes, CI and terminals that cannot be drawn over. A task has a line when it ends; when nothing
 * was printed for half a minute, a line says what goes on.
 */
export function plainReporter(output: { write(text: string): unknown }, look: Look, clock: Clock): Reporter {
  const progress = newProgress();
  let printedAt = clock.now();
  const print = (lines: readonly string[]) => {
    if (lines.length === 0) return;
    output.write(`${lines.join('\n')}\n`);
    printedAt = clock.now();
  };
  const stop = clock.every(1000, () => {
    if (!look.quiet && clock.now() - printedAt >= silence) print(signOfLife(progress, clock.now()));
  });
  return {
    emit: (event) => {
      progress.advance(event);
      print(permanentLines(event, progress, look));
    },
    close: stop,
  };
}

/** Milliseconds. */
const silence = 30_000;

/** `        linux:build for 2 min 30 s: CC drivers/net/tun.o (and 1 more)` */
function signOfLife(progress: Progress, now: number): string[] {
  const [longest, ...others] = progress.running.values();
  if (longest === undefined) return [];
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const indent = ' '.repeat(2 * String(progress.total).length + 4);
  return [`${indent}${longest.task} for ${formatElapsed(now - longest.startedAt)}${whatGoesOn(longest)}${more}`];
}

function whatGoesOn({ line, transfer }: Running): string {
  if (transfer) return `: ${formatBytes(transfer.done)}${transfer.total ? ` of ${formatBytes(transfer.total)}` : ''}`;
  // A compiler's own command line would fill the screen.
  return line === undefined ? '' : `: ${cut(line, 80)}`;
}
