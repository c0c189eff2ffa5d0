import type { Queryable } from '@rhei/messaging';
import type { Instant } from '@rhei/runtime';
import type { EvaluationFailure } from './read-records';

/** Keeps what could not be evaluated, so that it can be counted and looked at. */
export async function addFailures(tx: Queryable, failures: readonly EvaluationFailure[], at: Instant): Promise<void> {
  if (failures.length === 0) return;
  await tx.query(`
    INSERT INTO evaluation_failure (kind, name, part, source, record, problem, at)
    SELECT given.*, $7::bigint FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) AS given
    ON CONFLICT DO NOTHING`,
  [
    failures.map(({ kind }) => kind), failures.map(({ name }) => name), failures.map(({ part }) => part), failures.map(({ source }) => source),
    failures.map(({ record }) => record), failures.map(({ problem }) => problem.replaceAll('\0', '\\0')), at,
  ]);
}

export async function countFailures(queryable: Queryable): Promise<number> {
  const [{ failures }] = await queryable.query<{ failures: number }>('SELECT count(*)::integer AS failures FROM evaluation_failure');
  return failures;
}
