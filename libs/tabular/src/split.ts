import type { BinnedTable } from './bins';
import { CELL, GRID, type HistogramLayout } from './histogram';
import type { BoostingParams } from './params';

/** Sums over the rows of a node, gradient and hessian in units of 1/GRID. */
export interface Sums {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
}

/** Rows whose bin of `column` is at most `bin` go left, missing ones where `missingLeft` says. */
export interface Split {
  readonly column: number;
  readonly bin: number;
  readonly missingLeft: boolean;
  readonly gain: number;
  readonly left: Sums;
  readonly right: Sums;
}

// A side lighter than this has next to no say in the loss, and its step would be huge.
const LEAST_HESSIAN = 1e-3 * GRID;
// Differences below this share of a node's own score are rounding.
const ROUNDING = 1e-12;

/**
 * The split of a node that gains most: G²/(H+l2) of both sides less that of the node (Chen and Guestrin 2016, eq. 7,
 * without the factor ½). Of equal gains the lowest column wins, then the lowest bin, then missing to the right.
 */
export function bestSplit(
  histogram: Float64Array,
  { starts }: HistogramLayout,
  { edges, bounded }: BinnedTable,
  columns: Int32Array,
  node: Sums,
  params: BoostingParams,
): Split | undefined {
  const { minRowsPerLeaf } = params;
  const l2 = params.l2 * GRID;
  const own = (node.gradient * node.gradient) / (node.hessian + l2);
  const { gradient: allG, hessian: allH, rows: all } = node;
  let best = own * (1 + ROUNDING) + params.minGain * GRID;
  let column = -1;
  let bin = 0;
  let missingLeft = false;
  let left = node;

  for (let j = 0; j < columns.length; j += 1) {
    const candidate = columns[j];
    const start = starts[candidate];
    const missingG = histogram[start];
    const missingH = histogram[start + 1];
    const missing = histogram[start + 2];
    const lastEdge = edges[candidate].length;
    // Beyond the last edge all present values are on the left: a split only when some are missing.
    const last = missing > 0 && bounded[candidate] ? lastEdge + 1 : lastEdge;
    let g = 0;
    let h = 0;
    let n = 0;
    for (let b = 1; b <= last; b += 1) {
      const cell = start + b * CELL;
      if (histogram[cell + 2] === 0) continue;
      g += histogram[cell];
      h += histogram[cell + 1];
      n += histogram[cell + 2];
      if (all - n < minRowsPerLeaf) break;
      if (n >= minRowsPerLeaf && h >= LEAST_HESSIAN && allH - h >= LEAST_HESSIAN) {
        const score = (g * g) / (h + l2) + ((allG - g) * (allG - g)) / (allH - h + l2);
        if (score > best) {
          best = score;
          column = candidate;
          bin = b;
          // Where the node has none missing, one that comes later goes with the majority.
          missingLeft = missing === 0 && n * 2 >= all;
          left = { gradient: g, hessian: h, rows: n };
        }
      }
      if (missing === 0 || b > lastEdge) continue;
      const withG = g + missingG;
      const withH = h + missingH;
      const withN = n + missing;
      if (withN >= minRowsPerLeaf && all - withN >= minRowsPerLeaf && withH >= LEAST_HESSIAN && allH - withH >= LEAST_HESSIAN) {
        const score = (withG * withG) / (withH + l2) + ((allG - withG) * (allG - withG)) / (allH - withH + l2);
        if (score > best) {
          best = score;
          column = candidate;
          bin = b;
          missingLeft = true;
          left = { gradient: withG, hessian: withH, rows: withN };
        }
      }
    }
  }
  if (column < 0) return undefined;
  const right = { gradient: allG - left.gradient, hessian: allH - left.hessian, rows: all - left.rows };
  return { column, bin, missingLeft, gain: best - own, left, right };
}
