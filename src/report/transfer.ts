import type { Clock } from './clock.ts';
import { formatBytes, formatElapsed, formatRate } from './format.ts';

/** One long copy, with its bytes, rate and time left. */
export interface Transfer {
  /** Bytes done of how many in all. */
  update(done: number, total: number): void;
  /** Leaves the output to others; milliseconds since the start. */
  end(): number;
}

export interface TransferLook {
  /** Lines can be drawn over. */
  readonly live: boolean;
  /** Nothing is printed. */
  readonly quiet: boolean;
}

/** Shows how far a copy is: one line that is drawn over in a terminal, elsewhere a line every ten seconds. */
export function openTransfer(
  title: string,
  output: { write(text: string): unknown },
  { live, quiet }: TransferLook,
  clock: Clock,
): Transfer {
  const started = clock.now();
  let shown = started;
  let drawn = false;
  const interval = live ? 100 : 10_000;
  return {
    update(done, total) {
      const now = clock.now();
      if (quiet || now - shown < interval) return;
      shown = now;
      drawn = true;
      const line = transferLine(title, done, total, now - started);
      output.write(live ? `\r\u001b[K${line}` : `${line}\n`);
    },
    end() {
      if (drawn && live) output.write('\r\u001b[K');
      return clock.now() - started;
    },
  };
}

/** `writing   28%  12 MiB of 43 MiB  14 MiB/s  3 s left` */
export function transferLine(title: string, done: number, total: number, milliseconds: number): string {
  const words = [title, `${percent(done, total)}%`, `${formatBytes(done)} of ${formatBytes(total)}`];
  const rate = (done / milliseconds) * 1000;
  if (done > 0 && milliseconds > 0) {
    words.push(formatRate(rate));
    if (milliseconds >= 1000) words.push(`${formatElapsed(((total - done) / rate) * 1000)} left`);
  }
  return words.join('  ');
}

function percent(done: number, total: number): string {
  return String(total === 0 ? 100 : Math.floor((100 * done) / total)).padStart(2);
}
