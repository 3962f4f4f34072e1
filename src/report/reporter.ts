import type { Emit } from '../build/event.ts';
import { type Clock, realClock } from './clock.ts';
import { jsonReporter } from './json.ts';
import type { Look } from './lines.ts';
import { plainReporter } from './plain.ts';
import { createStyle, wantsColour } from './style.ts';
import { type TerminalOutput, terminalReporter } from './terminal.ts';

/** Turns events into what a person or a program reads. Nothing else prints while work goes on. */
export interface Reporter {
  readonly emit: Emit;
  /** Leaves the output to others: no drawing, no timer, the cursor back. */
  close(): void;
}

export interface ReportOptions {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
  /** False: never. */
  readonly color: boolean;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly self: string;
  readonly board?: string;
  readonly verbs: readonly string[];
}

export function createReporter(output: TerminalOutput, options: ReportOptions, clock: Clock = realClock): Reporter {
  if (options.json) return jsonReporter(output);
  const live = !options.quiet && isLive(output, options.env);
  const look: Look = {
    ...options,
    style: createStyle(wantsColour(options.color, options.env, output)),
    counted: !live,
    columns: () => (live ? output.columns || 80 : Number.POSITIVE_INFINITY),
  };
  return live ? terminalReporter(output, look, clock) : plainReporter(output, look, clock);
}

/** Whether lines can be drawn over: not in a pipe, not where a log is kept, not where there is no room. */
export function isLive(output: TerminalOutput, { CI, TERM }: NodeJS.ProcessEnv): boolean {
  const logged = CI !== undefined && !['', '0', 'false'].includes(CI);
  const roomy = (output.columns ?? 0) >= 30 && (output.rows ?? 0) >= 4;
  return output.isTTY === true && roomy && !logged && TERM !== undefined && TERM !== 'dumb';
}
