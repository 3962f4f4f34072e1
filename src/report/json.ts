import type { Reporter } from './reporter.ts';

/** Every event as it is, one JSON object a line: the README says which there are. */
export function jsonReporter(output: { write(text: string): unknown }): Reporter {
  return { emit: (event) => void output.write(`${JSON.stringify(event)}\n`), close: () => {} };
}
