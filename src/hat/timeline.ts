import { type Diagnostic, Failure, type SourceLocation, sortDiagnostics, unwrap } from '../diagnostic.ts';
import { changeSetting, settable, spoilChip } from './change.ts';
import type { Hat } from './hat.ts';
import { isRegister } from './register.ts';

/** What HATs measure over time, as a file says it: moments in order. */
export interface Timeline {
  readonly moments: readonly Moment[];
  /** Milliseconds after which it is over, or begins anew. */
  readonly length: number;
  readonly repeat: boolean;
}

/** What becomes different at a time. */
export interface Moment {
  /** Milliseconds from the begin. */
  readonly at: number;
  /** `enviro-phat.bmp280.temperature=31.5`. */
  readonly set: readonly string[];
  /** Chips and their faults. */
  readonly fault: readonly (readonly [chip: string, words: string])[];
}

/** A step of a timeline as it is written. */
export type Step = { readonly at: number } & (
  | { readonly do: 'set'; readonly path: string; readonly written: string; readonly place: SourceLocation }
  /** From what it measures then to `written`, in so many milliseconds. */
  | {
      readonly do: 'ramp';
      readonly path: string;
      readonly written: string;
      readonly place: SourceLocation;
      readonly over: number;
    }
  | { readonly do: 'fault'; readonly chip: string; readonly words: string; readonly place: SourceLocation }
);

export interface Steps {
  readonly steps: readonly Step[];
  /** How often a ramp takes a step, milliseconds. */
  readonly every: number;
  readonly repeat: boolean;
}

/**
 * The timeline of steps, with ramps taken apart. `hats` is what is measured before. Throws a `Failure` with every value
 * and fault that cannot be, at its place.
 */
export function timelineOf({ steps, every, repeat }: Steps, hats: readonly Hat[]): Timeline {
  const problems: Diagnostic[] = [];
  const sorted = [...steps].sort((a, b) => a.at - b.at);
  const values = new Map(settable(hats).map(({ path, value }) => [path, [{ at: 0, value }]]));
  const moments = new Map<number, { set: string[]; fault: [string, string][] }>();
  const momentAt = (at: number) => {
    const moment = moments.get(at) ?? { set: [], fault: [] };
    moments.set(at, moment);
    return moment;
  };
  for (const step of sorted) {
    const wrong = problemsOf(step, hats);
    problems.push(...wrong);
    if (wrong.length > 0) continue;
    if (step.do === 'fault') momentAt(step.at).fault.push([step.chip, step.words]);
    else {
      const target = targetOf(step, hats);
      const known = values.get(step.path) ?? [];
      for (const { at, value } of pointsOf(step, target, known, every)) {
        known.push({ at, value });
        momentAt(at).set.push(`${step.path}=${Number(value.toPrecision(12))}`);
      }
    }
  }
  if (problems.length > 0) throw new Failure(...sortDiagnostics(problems));
  const ordered = [...moments].sort(([a], [b]) => a - b).map(([at, moment]) => ({ at, ...moment }));
  return { moments: ordered, length: ordered.at(-1)?.at ?? 0, repeat };
}

interface Point {
  readonly at: number;
  readonly value: number;
}

/** The points that a step puts on a quantity's line. */
function pointsOf(
  step: Extract<Step, { path: string }>,
  target: number,
  known: readonly Point[],
  every: number,
): Point[] {
  if (step.do === 'set') return [{ at: step.at, value: target }];
  const from = known.filter(({ at }) => at <= step.at).reduce((last, point) => (point.at >= last.at ? point : last));
  const count = Math.max(1, Math.ceil(step.over / every));
  return Array.from({ length: count }, (_, index) => {
    const part = (index + 1) / count;
    return { at: Math.round(step.at + step.over * part), value: from.value + (target - from.value) * part };
  });
}

function targetOf({ path, written }: { path: string; written: string }, hats: readonly Hat[]): number {
  return unwrap(changeSetting(hats, `${path}=${written}`)).value;
}

function problemsOf(step: Step, hats: readonly Hat[]): Diagnostic[] {
  const at = step.place;
  const located = (diagnostics: readonly Diagnostic[]) => diagnostics.map((diagnostic) => ({ ...diagnostic, at }));
  if (step.do === 'fault') {
    const result = spoilChip(hats, step.chip, step.words);
    return result.ok ? [] : located(result.diagnostics);
  }
  const result = changeSetting(hats, `${step.path}=${step.written}`);
  if (!result.ok) return located(result.diagnostics);
  if (step.do === 'ramp' && isRegister(step.path)) {
    return [{ severity: 'error', code: 'timeline/ramp', message: 'a register takes no ramp', at, hint: 'write `set`' }];
  }
  if (step.do === 'set' || result.value.quantity.unit !== 'level') return [];
  const message = 'a GPIO line is low or high, and nothing between';
  return [{ severity: 'error', code: 'timeline/ramp', message, at, hint: 'write `set`' }];
}
