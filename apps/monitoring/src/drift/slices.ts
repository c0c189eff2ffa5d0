import type { MonitorSpec } from '../monitor/monitor-spec';
import { isObstacle, type Obstacle, type Rows } from './reference';
import type { Row } from './row';
import { isMissing } from './watched';

export interface Slice {
  /** `request.<field>=<value>` */
  slice: string;
  /** `request.<field>` */
  field: string;
  /** Its rows of the window, and of the reference. */
  window: readonly Row[];
  from: Rows | Obstacle;
  /** The window has rows enough to act on. */
  enough: boolean;
}

/** The slices of a window: of each declared field its most frequent values, in window and reference together; at a tie by code units. */
export function slicesOf({ slices, slicing }: Pick<MonitorSpec, 'slices' | 'slicing'>, rows: readonly Row[], moving: Rows | Obstacle): Slice[] {
  return slices.flatMap((field) => {
    const key = field.slice('request.'.length);
    const here = byValue(rows, key);
    const there = isObstacle(moving) ? undefined : byValue(moving.rows, key);
    const sizes = new Map<string, number>();
    for (const [value, own] of [...here, ...(there ?? [])]) sizes.set(value, (sizes.get(value) ?? 0) + own.length);
    const top = [...sizes].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, slicing.top);
    return top.map(([value]): Slice => {
      const window = here.get(value) ?? [];
      return {
        slice: `${field}=${value}`, field, window, enough: window.length >= slicing.rows,
        from: isObstacle(moving) ? moving : { rows: there?.get(value) ?? [], spans: moving.spans },
      };
    });
  });
}

function byValue(rows: readonly Row[], field: string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const value = row.request[field];
    if (isMissing(value)) continue;
    const known = groups.get(String(value));
    if (known) known.push(row);
    else groups.set(String(value), [row]);
  }
  return groups;
}
