import type { CheckResult } from '../device/checks.ts';
import { count, formatDuration, pad, printable } from './format.ts';
import type { Style } from './style.ts';

/** A result as one line, and below it what a person needs when it is no success. `console` is what the guest said meanwhile. */
export function checkLines(result: CheckResult, console: readonly string[], style: Style): string[] {
  const { check, outcome, took, message, hint, output } = result;
  const name = pad(check.name, NAME_WIDTH);
  if (outcome === 'passed') return [`  ${style.green('✓')} ${name}  ${style.dim(formatDuration(took))}`];
  if (outcome === 'skipped') return [`  ${style.yellow('-')} ${check.name} ${style.dim(`(not run: ${message})`)}`];
  return [
    `  ${style.red('✗')} ${style.bold(name)}  ${style.dim(formatDuration(took))}`,
    ...(message === undefined ? [] : [`      ${message}`]),
    ...(hint === undefined ? [] : [`      hint: ${hint}`]),
    ...(check.run === undefined ? [] : [`      command: ${printable(check.run.replaceAll('\n', ' '))}`]),
    ...block('output', (output ?? '').trimEnd().split('\n').slice(-TAIL), style),
    ...block('console', console.slice(-TAIL), style),
  ];
}

/** How it went, in one line. */
export function checkSummary(results: readonly CheckResult[], took: number, style: Style): string {
  const of = (outcome: CheckResult['outcome']): number => results.filter((result) => result.outcome === outcome).length;
  const failed = of('failed');
  const skipped = of('skipped');
  const parts = [
    ...(failed > 0 ? [style.red(`${failed} failed`)] : []),
    `${count(of('passed'), 'check')} passed`,
    ...(skipped > 0 ? [`${skipped} not run`] : []),
  ];
  return `${parts.join(', ')} in ${formatDuration(took)}`;
}

const NAME_WIDTH = 50;
/** Lines of output and console that are shown; the serial log has all. */
const TAIL = 20;

function block(title: string, lines: readonly string[], style: Style): string[] {
  if (lines.every((line) => line.trim() === '')) return [];
  return [`      ${title}:`, ...lines.map((line) => `        ${style.dim('|')} ${printable(line)}`)];
}
