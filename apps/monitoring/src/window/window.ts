import { parseDuration } from '@rhei/expressions';
import type { Duration, Instant } from '@rhei/runtime';
import type { MonitorSpec } from '../monitor/monitor-spec';

/** From inclusive, to exclusive. */
export interface Window {
  from: Instant;
  to: Instant;
}

export const bucketOf = (spec: Pick<MonitorSpec, 'bucket'>): Duration => parseDuration(spec.bucket);

/** Windows start at the first whole bucket (UTC) that began with a live version, and follow each other without a gap. */
export function firstWindow(spec: MonitorSpec, liveFrom: Instant): Window {
  const bucket = bucketOf(spec);
  return windowFrom(spec, Math.ceil(liveFrom / bucket) * bucket);
}

export const windowFrom = (spec: MonitorSpec, from: Instant): Window => ({ from, to: from + spec.cycle * bucketOf(spec) });

/** A window is decided when the truth about all of it counts as mature: always at the same place of the cycle. */
export const closesAt = ({ to }: Window, maturity: Duration): Instant => to + maturity;
