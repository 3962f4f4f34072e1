import type { GpioLine, Hat } from './hat.ts';

/** What the target's `hat-gpio` is told of a HAT: the lines that gpio-sim stands in for in the emulator. */

/** The file that `hat-gpio load` reads: `LINE NAME in|out LEVEL`, one a line. Undefined: the HAT has no lines. */
export function gpioFile({ name, gpio }: Hat): string | undefined {
  if (gpio.length === 0) return undefined;
  const lines = [...gpio].sort((a, b) => a.line - b.line).map(lineText);
  return [`# The GPIO lines of the HAT '${name}', for hat-gpio. Made by pibuild.`, ...lines, ''].join('\n');
}

function lineText({ line, name, direction, initial }: GpioLine): string {
  return `${line} ${name} ${direction} ${initial}`;
}
