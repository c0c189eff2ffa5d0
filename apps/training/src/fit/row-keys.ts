/**
 * Numbers rows so that equal ones, value by value, have the same number and others another. Missing values are equal.
 * Columns are folded in one after the other, which needs no hash that might collide, until `enough` rows differ (by
 * default all): further columns can only part more of them.
 */
export function rowKeysOf(columns: readonly Float64Array[], enough = Infinity): { keys: Uint32Array; distinct: number } {
  const rows = columns[0]?.length ?? 0;
  const most = Math.min(rows, enough);
  let keys = new Uint32Array(rows);
  let distinct = Math.min(1, rows);
  for (const column of columns) {
    if (distinct >= most) break;
    const values = numbered(column, rows);
    const seen = new Map<number, number>();
    const next = new Uint32Array(rows);
    for (let row = 0; row < rows; row += 1) {
      const pair = keys[row] * rows + values[row];
      const known = seen.get(pair);
      next[row] = known ?? seen.size;
      if (known === undefined) seen.set(pair, seen.size);
    }
    keys = next;
    distinct = seen.size;
  }
  return { keys, distinct };
}

function numbered(column: Float64Array, rows: number): Uint32Array {
  const seen = new Map<number, number>();
  return Uint32Array.from({ length: rows }, (_, row) => {
    const known = seen.get(column[row]) ?? seen.size;
    seen.set(column[row], known);
    return known;
  });
}
