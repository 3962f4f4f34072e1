import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type Diagnostic, Failure, fail, type SourceLocation, sortDiagnostics } from '../diagnostic.ts';
import { decode, type RecipeDocument, readDocument } from '../recipe/document.ts';
import { readIfThere } from '../recipe/files.ts';
import { parseRecipe } from '../recipe/read.ts';
import { duration } from '../recipe/schema.ts';
import { parseDuration } from '../recipe/units.ts';
import type { Hat } from './hat.ts';
import { parseRecording } from './recording.ts';
import { type Step, type Steps, type Timeline, timelineOf } from './timeline.ts';

/**
 * A timeline, from a recording (`.csv`: see recording.ts) or from steps in YAML:
 *
 *     every: 500ms                 # how often a ramp takes a step (default 1s)
 *     repeat: true                 # begin anew at the end
 *     steps:
 *       - {at: 0s, set: {enviro-phat.bmp280.temperature: 20 °C}}
 *       - {at: 10s, ramp: {enviro-phat.bmp280.temperature: 35 °C}, for: 30s}
 *       - {at: 50s, fault: {enviro-phat.tcs3472: nack times 3}}
 *       - {at: 60s, replay: field.csv}
 */
const value = z.union([z.number(), z.string()]);
const step = z
  .strictObject({
    at: duration,
    set: z.record(z.string(), value).optional(),
    ramp: z.record(z.string(), value).optional(),
    for: duration.optional(),
    fault: z.record(z.string(), z.string()).optional(),
    replay: z.string().optional(),
  })
  .refine((each) => (each.ramp === undefined) === (each.for === undefined), '`ramp` and `for` go together');
const timelineFile = z.strictObject({
  every: duration.optional(),
  repeat: z.boolean().optional(),
  steps: z.array(step).min(1),
});

/**
 * Reads a timeline for these HATs. `display` is how diagnostics call a file. Throws a `Failure` with all that is wrong:
 * `timeline/...`, and `hat/...` for values and faults that cannot be.
 */
export function readTimeline(file: string, hats: readonly Hat[], display: (file: string) => string): Timeline {
  const steps = isRecording(file) ? recordingOf(file, display) : stepsOf(file, display);
  return timelineOf(steps, hats);
}

function isRecording(file: string): boolean {
  return /\.csv$/i.test(file);
}

function recordingOf(file: string, display: (file: string) => string, at?: SourceLocation): Steps {
  const text = decode(bytesOf(file, display, at));
  if (text === undefined) throw fail('timeline/encoding', `'${display(file)}' is not UTF-8 text`);
  return { steps: parseRecording(text, display(file)), every: EVERY, repeat: false };
}

/** How often a ramp takes a step, milliseconds, and how often it may. */
const EVERY = 1000;
const SHORTEST = 10;

function stepsOf(file: string, display: (file: string) => string): Steps {
  const document = readDocument(bytesOf(file, display), display(file));
  const problems: Diagnostic[] = [];
  const read = parseRecipe(document, timelineFile, problems);
  if (read === undefined) throw new Failure(...sortDiagnostics(problems));
  const replay = (path: string, at: SourceLocation) => recordingOf(resolve(dirname(file), path), display, at).steps;
  const steps = read.steps.flatMap((each, index) => stepOf(each, index, document, replay));
  const every = read.every === undefined ? EVERY : parseDuration(read.every);
  if (every < SHORTEST) {
    const message = `a ramp cannot take a step every ${every} ms`;
    const hint = `every ${SHORTEST} ms is the most`;
    throw new Failure({ severity: 'error', code: 'timeline/every', message, at: document.at(['every']), hint });
  }
  return { steps, every, repeat: read.repeat ?? false };
}

function stepOf(
  { at: time, set = {}, ramp = {}, for: over, fault = {}, replay }: z.infer<typeof step>,
  index: number,
  document: RecipeDocument,
  recorded: (path: string, at: SourceLocation) => readonly Step[],
): Step[] {
  const at = parseDuration(time);
  const place = (...path: string[]) => document.at(['steps', index, ...path]);
  return [
    ...Object.entries(set).map(([path, written]): Step => {
      return { at, do: 'set', path, written: String(written), place: place('set', path) };
    }),
    ...Object.entries(ramp).map(([path, written]): Step => {
      const length = parseDuration(over ?? '0s');
      return { at, do: 'ramp', path, written: String(written), over: length, place: place('ramp', path) };
    }),
    ...Object.entries(fault).map(([chip, words]): Step => {
      return { at, do: 'fault', chip, words, place: place('fault', chip) };
    }),
    ...(replay === undefined ? [] : recorded(replay, place('replay')).map((each) => ({ ...each, at: at + each.at }))),
  ];
}

/** `at`: the line that names the file, where that is not the command line. */
function bytesOf(file: string, display: (file: string) => string, at?: SourceLocation): Uint8Array {
  const bytes = readIfThere(file);
  if (bytes !== undefined) return bytes;
  const message = `there is no file '${display(file)}'`;
  throw new Failure({ severity: 'error', code: 'timeline/missing-file', message, ...(at && { at }) });
}
