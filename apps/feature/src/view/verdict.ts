import { feature } from '@rhei/contracts';
import type { Duration, Instant } from '@rhei/runtime';
import { expired, ttlAt, type TtlFrom } from './feature-view';
import type { ValueRow } from './window';

/** What a value row is worth at an instant: the same for a vector, an entity and a training row. */
export interface Verdict {
  value: number | undefined;
  /** 0 where there is no record. */
  eventTime: Instant;
  age: Duration;
  freshness: feature.Freshness;
}

/** A value as old as its TTL holds, and a microsecond later it is withheld. A row without records is none. */
export function verdictOn(row: Pick<ValueRow, 'eventTime' | 'n' | 'value'> | undefined, asOf: Instant, ttls: readonly TtlFrom[]): Verdict {
  if (row === undefined || row.n === 0) return { value: undefined, eventTime: 0, age: 0, freshness: feature.Freshness.MISSING };
  const { eventTime, value } = row;
  const age = asOf - eventTime;
  if (expired(age, ttlAt(ttls, asOf))) return { value: undefined, eventTime, age, freshness: feature.Freshness.EXPIRED };
  if (value === null) return { value: undefined, eventTime, age, freshness: feature.Freshness.MISSING };
  return { value, eventTime, age, freshness: feature.Freshness.FRESH };
}
