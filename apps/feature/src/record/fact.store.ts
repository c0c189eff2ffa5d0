import type { Queryable } from '@rhei/messaging';
import { compareText } from '../view/window';
import { Facts, type Fact, type Revision } from './fact';

type Kept = [id: string, revision: number, eventTime: number, arrival: number, knownAt: number, withdrawn: boolean];
const kept = ({ id, revision, eventTime, arrival, knownAt, withdrawn }: Revision): Kept => [id, revision, eventTime, arrival, knownAt, withdrawn];
const revisionOf = ([id, revision, eventTime, arrival, knownAt, withdrawn]: Kept): Revision => ({ id, revision, eventTime, arrival, knownAt, withdrawn });

interface FactRow {
  source: string;
  type: string;
  identity: string;
  revisions: Kept[];
}

/**
 * Adds revisions to their facts, locks those in sorted order, and returns all that is known about them, in one statement:
 * a fact is one row, so whoever waited for it sees what came in between. A revision that is there already adds nothing.
 */
export async function addRevisions(tx: Queryable, facts: readonly Fact[]): Promise<Facts> {
  if (facts.length === 0) return new Facts([]);
  const rows = await tx.query<FactRow>(`
    INSERT INTO fact AS kept (source, type, identity, revisions)
    SELECT source, type, identity, revisions::jsonb FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS given (source, type, identity, revisions)
    ORDER BY source COLLATE "C", type COLLATE "C", identity COLLATE "C"
    ON CONFLICT (source, type, identity) DO UPDATE SET revisions = kept.revisions || coalesce((
      SELECT jsonb_agg(one) FROM jsonb_array_elements(excluded.revisions) AS one WHERE NOT kept.revisions @> jsonb_build_array(one)
    ), '[]'::jsonb)
    RETURNING source, type, identity, revisions`,
  [facts.map(({ source }) => source), facts.map(({ type }) => type), facts.map(({ identity }) => identity), facts.map(({ revisions }) => JSON.stringify(revisions.map(kept)))]);
  return new Facts(rows.map(factOf));
}

/** The facts of these identities, as they are known now. */
export async function factsOf(queryable: Queryable, source: string, type: string, identities: readonly string[]): Promise<Fact[]> {
  if (identities.length === 0) return [];
  const rows = await queryable.query<FactRow>('SELECT source, type, identity, revisions FROM fact WHERE source = $1 AND type = $2 AND identity = ANY ($3::text[])', [source, type, identities]);
  return rows.map(factOf).sort((a, b) => compareText(a.identity, b.identity));
}

const factOf = ({ revisions, ...key }: FactRow): Fact => ({ ...key, revisions: revisions.map(revisionOf) });
