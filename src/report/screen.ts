import { textWidth } from './format.ts';

/** The last lines of a terminal, drawn over again and again, below lines that scroll up and stay. */
export interface Screen {
  /** Shows `frame` as the last lines; `above` scrolls up and stays. One write, so that nothing is seen half drawn. */
  draw(frame: readonly string[], above?: readonly string[]): void;
  /** The terminal shows something else now (we were in the background): start again below it. */
  forget(): void;
}

/** `size` is asked at each drawing. Lines of a frame must be shorter than the terminal is wide. */
export function createScreen(write: (text: string) => void, size: () => { columns: number; rows: number }): Screen {
  let shown: readonly string[] = [];
  let width = size().columns;
  return {
    draw(frame, above = []) {
      const { columns } = size();
      const back = rowsOf(shown, columns);
      const kept = columns === width && above.length === 0 ? shown : [];
      const up = back > 0 ? `\r\u001b[${back}A` : '\r';
      const text = [...above.map((line) => `${line}${eraseRight}\n`), noWrap, ...changes(frame, kept)].join('');
      write(`${beginUpdate}${up}${text}${eraseBelow}${wrap}${endUpdate}`);
      shown = frame;
      width = columns;
    },
    forget() {
      shown = [];
    },
  };
}

/** How many rows lines take after the terminal was made narrower and wrapped them. */
function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(textWidth(line) / columns)), 0);
}

/** Lines that are as they were are only stepped over. */
function changes(frame: readonly string[], shown: readonly string[]): string[] {
  return frame.map((line, index) => (line === shown[index] ? '\n' : `\r${line}${eraseRight}\n`));
}

const eraseRight = '\u001b[K';
const eraseBelow = '\u001b[J';
/** DECAWM: a line that is wider than we think is cut by the terminal and does not move everything below it. */
const noWrap = '\u001b[?7l';
const wrap = '\u001b[?7h';
/** Mode 2026, synchronized output: terminals that know it show the whole drawing at once, others ignore it. */
const beginUpdate = '\u001b[?2026h';
const endUpdate = '\u001b[?2026l';
