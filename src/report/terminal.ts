import type { Clock } from './clock.ts';
import { type Look, permanentLines } from './lines.ts';
import type { LiveView } from './live-view.ts';
import { newProgress } from './progress.ts';
import type { Reporter } from './reporter.ts';

export type TerminalOutput = NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };

/**
 * A terminal: what ended scrolls up, what runs is drawn below it. listr2, which draws it, is read when the first task
 * starts: a build with nothing to do is answered without it.
 */
export function terminalReporter(output: TerminalOutput, look: Look, clock: Clock): Reporter {
  const progress = newProgress();
  let view: LiveView | undefined;
  let loading = false;
  let closed = false;

  const print = (lines: readonly string[]) => {
    if (view) view.print(lines);
    else if (lines.length > 0) output.write(`${lines.join('\n')}\n`);
  };
  const open = async () => {
    loading = true;
    const { openLiveView } = await import('./live-view.ts');
    loading = false;
    if (!closed && progress.running.size > 0) view ??= openLiveView(output, progress, look, clock);
  };
  const close = () => {
    view?.close();
    view = undefined;
  };

  return {
    emit(event) {
      progress.advance(event);
      if (event.type === 'build-finished') close();
      else if (progress.running.size > 0 && !view && !loading) void open();
      print(permanentLines(event, progress, look));
    },
    close() {
      closed = true;
      close();
    },
  };
}
