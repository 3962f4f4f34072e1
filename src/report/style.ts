/** What words look like. Without colour every function gives its text back. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export function createStyle(colour: boolean): Style {
  return {
    bold: sgr(colour, 1, 22),
    dim: sgr(colour, 2, 22),
    red: sgr(colour, 31, 39),
    green: sgr(colour, 32, 39),
    yellow: sgr(colour, 33, 39),
    cyan: sgr(colour, 36, 39),
  };
}

/** Whether to colour: an explicit wish, then FORCE_COLOR, then NO_COLOR (no-color.org), then what the output is. */
export function wantsColour(wish: boolean, environment: NodeJS.ProcessEnv, output: { isTTY?: boolean }): boolean {
  if (!wish) return false;
  const { FORCE_COLOR, NO_COLOR, TERM } = environment;
  if (FORCE_COLOR !== undefined) return !['0', 'false'].includes(FORCE_COLOR);
  return !NO_COLOR && output.isTTY === true && TERM !== 'dumb';
}

/** ECMA-48 SGR: a parameter that switches on, and the one that switches off. */
function sgr(colour: boolean, on: number, off: number): (text: string) => string {
  return colour ? (text) => `\u001b[${on}m${text}\u001b[${off}m` : (text) => text;
}
