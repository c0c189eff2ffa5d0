const bins = 10;

/** The bin of each row, from 0 in the order of their probabilities, and how many bins there are. */
export interface CalibrationBinning {
  binOf: Uint8Array;
  count: number;
}

/** Ten bins of about equally many rows; equal probabilities share one, so there may be fewer. */
export function calibrationBinning(probabilities: ArrayLike<number>): CalibrationBinning {
  const order = Uint32Array.from({ length: probabilities.length }, (_, row) => row).sort((a, b) => probabilities[a] - probabilities[b] || a - b);
  const binOf = new Uint8Array(probabilities.length);
  let count = 0;
  let last = -1;
  for (let begin = 0; begin < order.length; ) {
    let end = begin + 1;
    while (end < order.length && probabilities[order[end]] === probabilities[order[begin]]) end += 1;
    const place = Math.floor((begin * bins) / order.length);
    if (place !== last) count += 1;
    last = place;
    for (let at = begin; at < end; at += 1) binOf[order[at]] = count - 1;
    begin = end;
  }
  return { binOf, count };
}

/** Sums over the rows of a bin: of their probabilities, and of what came (0 or 1). */
export interface CalibrationSums {
  predicted: number;
  observed: number;
  rows: number;
}

/**
 * The expected calibration error (Naeini et al. 2015): the distance between mean probability and share of what came in a bin,
 * averaged over rows. NaN for no rows.
 */
export function calibrationError(sums: Iterable<CalibrationSums>): number {
  let [distance, rows] = [0, 0];
  for (const bin of sums) {
    distance += Math.abs(bin.predicted - bin.observed);
    rows += bin.rows;
  }
  return distance / rows;
}
