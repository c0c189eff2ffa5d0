import type { monitoring, registry, serving } from '@rhei/contracts';
import type { Queryable } from '@rhei/messaging';

/** What became of a version after its registration. */
export interface History {
  judgements: registry.HelpJudgement[];
  live: registry.LiveIn[];
}

/** Keeps what monitoring judged about a promotion; each judgement beside the earlier ones. */
export async function insertJudgement(tx: Queryable, judged: monitoring.PromotionJudged): Promise<void> {
  await tx.query(
    `INSERT INTO help_judgement (model, version, monitor, judged_at, deployment, replaced, verdict, difference, low, high, rows)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
    [judged.model, judged.version, judged.monitor, judged.judgedAt, judged.deployment, judged.replaced, judged.verdict, judged.difference, judged.low, judged.high, judged.rows]);
}

/** Keeps how the traffic of a deployment is divided now. An older revision changes nothing. */
export async function keepTraffic(tx: Queryable, shifted: serving.TrafficShifted): Promise<void> {
  const candidate = shifted.stage === 'shadow' || shifted.stage === 'canary' ? shifted.candidate : 0;
  await tx.query(
    `INSERT INTO deployment_traffic AS t (deployment, model, revision, live, live_since, stage, candidate, candidate_since, share)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (deployment) DO UPDATE SET model = excluded.model, revision = excluded.revision, live = excluded.live, stage = excluded.stage,
       candidate = excluded.candidate, share = excluded.share,
       live_since = CASE WHEN t.model = excluded.model AND t.live = excluded.live THEN t.live_since ELSE excluded.live_since END,
       candidate_since = CASE WHEN t.model = excluded.model AND t.candidate = excluded.candidate AND t.stage = excluded.stage THEN t.candidate_since ELSE excluded.candidate_since END
     WHERE t.model <> excluded.model OR t.revision < excluded.revision`,
    [shifted.deployment, shifted.model, shifted.revision, shifted.version, shifted.shiftedAt, shifted.stage, candidate, candidate === 0 ? 0 : shifted.shiftedAt, candidate === 0 ? 0 : shifted.share]);
}

interface JudgementRow { version: number; monitor: string; judged_at: string; deployment: string; replaced: number; verdict: string; difference: number; low: number; high: number; rows: string; model: string }
interface TrafficRow { deployment: string; model: string; live: number; live_since: string; stage: string; candidate: number; candidate_since: string; share: number }

/** The histories of one model's versions (all models: an empty name); judgements by time, deployments by name. */
export async function readHistories(database: Queryable, model: string): Promise<(model: string, version: number) => History> {
  const judged = await database.query<JudgementRow>(`SELECT * FROM help_judgement WHERE $1 = '' OR model = $1 ORDER BY model, version, judged_at, monitor`, [model]);
  const traffic = await database.query<TrafficRow>(`SELECT * FROM deployment_traffic WHERE $1 = '' OR model = $1 ORDER BY deployment`, [model]);
  return (name, version) => ({
    judgements: judged.filter((row) => row.model === name && row.version === version).map((row) => ({
      monitor: row.monitor, deployment: row.deployment, replaced: row.replaced, verdict: row.verdict, difference: row.difference, low: row.low, high: row.high,
      rows: Number(row.rows), judgedAt: Number(row.judged_at),
    })),
    live: traffic.filter((row) => row.model === name).flatMap(({ deployment, live, live_since, stage, candidate, candidate_since, share }) => [
      ...(live === version ? [{ deployment, role: 'live', share: stage === 'canary' ? 1 - share : 1, since: Number(live_since) }] : []),
      ...(candidate === version ? [{ deployment, role: stage, share: stage === 'canary' ? share : 0, since: Number(candidate_since) }] : []),
    ]),
  });
}
