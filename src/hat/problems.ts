import type { Diagnostic, SourceLocation } from '../diagnostic.ts';

/** What is wrong with a chip, at its place below `chips.<name>`. */
export type ChipReport = (
  code: string,
  message: string,
  path: readonly (string | number)[],
  more?: ChipProblem,
) => void;

export interface ChipProblem {
  readonly hint?: string | undefined;
  readonly notes?: Diagnostic['notes'];
}

export function chipReport(
  problems: Diagnostic[],
  at: (...path: readonly (string | number)[]) => SourceLocation,
): ChipReport {
  return (code, message, path, { hint, notes } = {}) => {
    problems.push({
      severity: 'error',
      code: `hat/${code}`,
      message,
      at: at(...path),
      ...(hint !== undefined && { hint }),
      ...(notes !== undefined && { notes }),
    });
  };
}
