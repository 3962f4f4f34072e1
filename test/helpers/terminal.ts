import { Writable } from 'node:stream';

/** A terminal as far as pibuild uses one: what is on its screen, what scrolled off, whether the cursor shows. */
export class Terminal extends Writable {
  readonly isTTY = true;
  columns: number;
  rows: number;
  cursorShown = true;
  wraps = true;
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.rows = rows;
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    for (const [token] of text.matchAll(/\u001b\[[0-9;?]*[A-Za-z]|./gsu)) this.#take(token);
    done();
  }

  /** The scroll-back and the screen, without trailing blanks. */
  get text(): string {
    return this.#lines
      .map((line) =>
        Array.from(line, (character) => character ?? ' ')
          .join('')
          .trimEnd(),
      )
      .join('\n')
      .trimEnd();
  }

  #take(token: string): void {
    if (token === '\n') this.#newLine();
    else if (token === '\r') this.#column = 0;
    else if (token.startsWith('\u001b[')) this.#control(token.slice(2, -1), token.at(-1) ?? '');
    else this.#put(token);
  }

  #put(character: string): void {
    if (this.#column >= this.columns) {
      if (this.wraps) this.#newLine();
      else this.#column = this.columns - 1;
    }
    this.#line()[this.#column++] = character;
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    this.#line();
  }

  #control(parameter: string, final: string): void {
    const number = Number(parameter.replace('?', '') || '1');
    if (final === 'A') this.#row = Math.max(this.#lines.length - this.rows, 0, this.#row - number);
    else if (final === 'K') this.#line().length = Math.min(this.#line().length, this.#column);
    else if (final === 'J') {
      this.#line().length = Math.min(this.#line().length, this.#column);
      this.#lines.length = this.#row + 1;
    } else if (parameter === '?25') this.cursorShown = final === 'h';
    else if (parameter === '?7') this.wraps = final === 'h';
    else if (final !== 'm' && parameter !== '?2026')
      throw new Error(`a control that nothing here uses: ${parameter}${final}`);
  }

  #line(): string[] {
    while (this.#lines.length <= this.#row) this.#lines.push([]);
    return this.#lines[this.#row] as string[];
  }
}
