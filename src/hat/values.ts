import { didYouMean } from '../diagnostic.ts';
import type { ChipModel, Quantity, Values } from './model.ts';
import type { ChipReport } from './problems.ts';
import { formatQuantity, parseQuantity, spellings } from './units.ts';

/**
 * The values of a chip's quantities: those that a recipe gives, checked; else what a dump of it measured, where that is
 * possible; else what the model has.
 */
export function resolveValues(
  model: ChipModel,
  given: Readonly<Record<string, number | string>>,
  measured: Values,
  report: ChipReport,
): Values {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(model.quantities, name)) continue;
    const known = Object.keys(model.quantities);
    const hint = didYouMean(name, known) ?? (known.length === 0 ? 'it measures nothing' : undefined);
    report('unknown-quantity', `a ${model.name} does not measure '${name}'`, ['values', name], { hint });
  }
  const values = Object.entries(model.quantities).map(([name, quantity]) => {
    const problem = (code: string, message: string, hint?: string) => report(code, message, ['values', name], { hint });
    const own = measured[name];
    const usual = own !== undefined && own >= quantity.min && own <= quantity.max ? own : quantity.initial;
    const value = Object.hasOwn(given, name) ? checkValue(given[name] ?? '', quantity, problem) : usual;
    return [name, value ?? usual];
  });
  return Object.fromEntries(values);
}

/** A value as somebody wrote it, in the quantity's unit; undefined after telling what is wrong with it. */
export function checkValue(
  written: number | string,
  { summary, unit, min, max }: Quantity,
  problem: (code: string, message: string, hint?: string) => void,
): number | undefined {
  const value = parseQuantity(written, unit);
  if (value === undefined) {
    const units = spellings(unit).join(', ');
    problem(
      'bad-value',
      `expected a number${unit === 'count' ? '' : ` in ${unit}`}, got '${written}'`,
      `units: ${units}`,
    );
    return undefined;
  }
  if (value >= min && value <= max) return value;
  const range = `${formatQuantity(min, unit)} to ${formatQuantity(max, unit)}`;
  problem(
    'value-range',
    `${formatQuantity(value, unit)} is out of what the chip can measure (${summary})`,
    `it measures ${range}`,
  );
  return undefined;
}
