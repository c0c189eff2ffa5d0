import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import { truth } from '../label.store';
import type { Pair } from './comparison';

export interface KnownPair extends Pair {
  /** One of the versions could have known it when it was fitted. */
  seen: boolean;
  /** The baseline itself answered. */
  same: boolean;
}

export interface PairsOptions {
  deployment: string;
  model: string;
  /** `live`: whichever version answered. */
  candidate: 'live' | number;
  baseline: number;
  /** The earliest as-of. */
  askedFrom?: Instant;
  /** Of the example's own time; `to` is exclusive. */
  happens: { from?: Instant; to: Instant };
  now: Instant;
}

const EVER = Number.MIN_SAFE_INTEGER;

/**
 * Questions that two versions have scored and whose truth is mature, by (as-of, id). At least one of the two answered the caller; the
 * other may have stood in the shadow.
 */
export async function pairsOf(database: Queryable, { deployment, model, candidate, baseline, askedFrom, happens, now }: PairsOptions): Promise<KnownPair[]> {
  const rows = await database.query<{ id: string; happens_at: string; candidate: number; baseline: number; value: number; seen: boolean; same: boolean }>(
    `SELECT p.id, p.happens_at, p.probability AS candidate, b.probability AS baseline, t.value, p.version = $4 AS same,
       p.as_of <= coalesce(pv.as_of, 0) OR p.as_of <= coalesce(bv.as_of, 0) AS seen
     FROM prediction p
     JOIN LATERAL (
       SELECT other.probability, other.role FROM prediction other
       WHERE other.id = p.id AND other.version = $4 AND other.role <> 'fallback' AND other.probability IS NOT NULL ORDER BY other.role = 'shadow' LIMIT 1
     ) b ON true
     ${truth('$5')}
     LEFT JOIN model_version pv ON pv.model = $2 AND pv.version = p.version
     LEFT JOIN model_version bv ON bv.model = $2 AND bv.version = $4
     WHERE p.deployment = $1 AND p.model = $2 AND p.version <> 0 AND p.role <> 'fallback' AND p.probability IS NOT NULL AND t.value IS NOT NULL
       AND ($3::integer IS NULL OR p.version = $3) AND (p.role <> 'shadow' OR ($3::integer IS NOT NULL AND b.role <> 'shadow'))
       AND p.as_of <= $5 AND p.as_of >= $6 AND p.happens_at >= $7 AND p.happens_at < $8
     ORDER BY p.as_of, p.id COLLATE "C", p.role`,
    [deployment, model, candidate === 'live' ? null : candidate, baseline, now, askedFrom ?? EVER, happens.from ?? EVER, happens.to]);
  // A question counts once, also where a version has both answered it and scored it in the shadow.
  return rows.filter(({ id }, at) => rows[at - 1]?.id !== id)
    .map(({ happens_at, candidate: own, baseline: other, value, seen, same }) => ({ at: Number(happens_at), candidate: own, baseline: other, label: value, seen, same }));
}
