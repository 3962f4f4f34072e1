import { fail } from '../diagnostic.ts';

/** How long a boot to the login prompt may take before a machine counts as slow. Milliseconds. */
const USUAL_BOOT = 15_000;

/** No machine is taken for slower than that. */
const SLOWEST = 10;

/**
 * What the user says time limits are to be multiplied by, or undefined when it is left to be measured. Throws a
 * `Failure` for what is no such number.
 */
export function wantedTimeScale(option: string | undefined, environment: NodeJS.ProcessEnv): number | undefined {
  const text = option ?? environment.PIBUILD_TIME_SCALE;
  if (text === undefined || text === '') return undefined;
  const scale = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : 0;
  if (scale > 0) return scale;
  throw fail('cli/time-scale', `'${text}' is no factor for time limits`, 'write a number above zero, like 2 or 0.5');
}

/**
 * How slow this machine is at the moment, from how long the boot to the login prompt took (milliseconds): it does the
 * same work everywhere, 5 s of it on a quiet machine.
 */
export function measuredTimeScale(boot: number): number {
  const scale = Math.min(SLOWEST, Math.max(1, boot / USUAL_BOOT));
  return Math.round(scale * 10) / 10;
}
