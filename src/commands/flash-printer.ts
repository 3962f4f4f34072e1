import { relative } from 'node:path';
import type { CardImage, OnProgress } from '../device/card-image.ts';
import type { ReadBack, Target } from '../device/card-writer.ts';
import { realClock } from '../report/clock.ts';
import { formatBytes, formatDuration, formatRate } from '../report/format.ts';
import { isLive } from '../report/reporter.ts';
import { createStyle, wantsColour } from '../report/style.ts';
import { openTransfer } from '../report/transfer.ts';
import type { Context } from './context.ts';

export type Step = 'check' | 'write' | 'verify';

export interface Flashed {
  readonly board: string;
  readonly image: CardImage;
  readonly target: Target;
  /** Absent: it was not read back. */
  readonly readBack?: ReadBack;
  /** Whether the kernel knows the new partitions; absent: it is no disk. */
  readonly seen?: boolean;
}

/** What a person or a program reads while a card is written. */
export interface FlashPrinter {
  /** Does a step, and shows how far it is. */
  step<T>(step: Step, action: (onProgress: OnProgress) => Promise<T>): Promise<T>;
  started(board: string, image: CardImage, target: Target): void;
  /** After Ctrl-C. */
  stopped(target: Target): void;
  finished(flashed: Flashed): void;
}

/** Prints as the global options say: lines for people, one object a line for programs. */
export function openFlashPrinter(context: Context): FlashPrinter {
  return context.options.json ? jsonPrinter(context) : linePrinter(context);
}

function linePrinter({ cwd, env, options, stderr, stdout }: Context): FlashPrinter {
  const style = createStyle(wantsColour(options.color, env, stdout));
  const look = { live: isLive(stdout, env), quiet: options.quiet };
  const print = (line: string): void => void (!options.quiet && stdout.write(`${line}\n`));
  return {
    async step(step, action) {
      const transfer = openTransfer(TITLES[step].doing, stdout, look, realClock);
      let bytes = 0;
      try {
        const value = await action((done, total) => {
          bytes = done;
          transfer.update(done, total);
        });
        const took = transfer.end();
        const rate = took > 0 ? `, ${formatRate((bytes / took) * 1000)}` : '';
        print(`${TITLES[step].done} ${formatBytes(bytes)} ${style.dim(`(${formatDuration(took)}${rate})`)}`);
        return value;
      } catch (error) {
        transfer.end();
        throw error;
      }
    },
    started: (_board, image, target) => {
      const { imageSize } = image.map;
      const sizes = `${formatBytes(image.mapped)} of its ${formatBytes(imageSize)} are not empty`;
      print(`writing ${style.bold(relative(cwd, image.path))} to ${style.bold(target.path)}: ${sizes}`);
    },
    stopped: (target) => void stderr.write(`${stoppedLine(target)}\n`),
    finished: (flashed) => {
      for (const line of finishedLines(flashed)) print(line);
    },
  };
}

const TITLES: Readonly<Record<Step, { doing: string; done: string }>> = {
  check: { doing: 'checking the image', done: 'checked the image:' },
  write: { doing: 'writing', done: 'written:' },
  verify: { doing: 'reading back', done: 'read back and verified:' },
};

function stoppedLine({ kind, path }: Target): string {
  if (kind === 'file') return `stopped: ${path} was removed, since it was not finished`;
  return `stopped: ${path} is not finished and not usable; flash it again`;
}

function finishedLines({ board, image, target, readBack, seen }: Flashed): string[] {
  const lines = readBack === 'cached' ? ['(read back by way of memory: this filesystem has no other)'] : [];
  if (target.kind === 'file') return [...lines, `${target.path} is a card image of ${board}`];
  if (seen === false)
    lines.push('the kernel does not know the new partitions yet: it will when the card is put in again');
  const name = target.disk.bus === 'mmc' || target.disk.bus === 'usb' ? 'card' : 'disk';
  return [
    ...lines,
    `${target.path} holds ${board} (${formatBytes(image.map.imageSize)})`,
    `next: take the ${name} out (unmount what the desktop mounted of it), put it into the board and power it;`,
    '      its console is on its serial pins, at 115200 baud',
  ];
}

function jsonPrinter({ stdout }: Context): FlashPrinter {
  const json = (type: string, facts: object): void =>
    void stdout.write(`${JSON.stringify({ type, at: Date.now(), ...facts })}\n`);
  return {
    async step(step, action) {
      let shown = 0;
      const value = await action((done, total) => {
        const now = Date.now();
        if (now - shown < 100 && done < total) return;
        shown = now;
        json('flash-progress', { step, done, total });
      });
      return value;
    },
    started: (board, image, target) => {
      const facts = { board, image: image.path, size: image.map.imageSize, mapped: image.mapped };
      json('flash-started', { ...facts, target: target.path });
    },
    stopped: (target) => json('flash-stopped', { target: target.path, usable: false }),
    finished: ({ board, target, readBack, seen }) => {
      const facts = { board, target: target.path, verified: readBack ?? false };
      json('flash-finished', { ...facts, ...(seen !== undefined && { partitionsSeen: seen }) });
    },
  };
}
