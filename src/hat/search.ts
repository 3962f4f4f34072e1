/**
 * The whole number from `low` to `high` for which `f` comes nearest to a value, by halving. `f` never falls (or, with
 * `falling`, never rises). Of several that come as near, the lowest: it has the fewest bits set below its resolution.
 */
export function nearestInput(
  f: (input: number) => number,
  value: number,
  range: { readonly low: number; readonly high: number; readonly falling?: boolean },
): number {
  const sign = range.falling ? -1 : 1;
  const above = firstWhere((input) => sign * f(input) >= sign * value, range.low, range.high);
  if (above === range.low) return above;
  const below = above - 1;
  if (Math.abs(f(below) - value) > Math.abs(f(above) - value)) return above;
  return firstWhere((input) => sign * f(input) >= sign * f(below), range.low, below);
}

/** The first of a range for which something holds that holds for all after it; the last one when it never does. */
function firstWhere(holds: (input: number) => boolean, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
