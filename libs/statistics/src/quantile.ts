/** The quantile of sorted numbers, with linear interpolation between neighbours (as NumPy's default, Hyndman and Fan's type 7). */
export function quantileOfSorted(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) throw new RangeError('A quantile needs at least one number.');
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}
