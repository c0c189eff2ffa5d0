import { readReport, isObject, opponents, type Difference, type Report, type Scores, type Slice } from '../report';
import { dataSheetOf, type DataSheet } from './data-sheet';
import { at, numberOf, objectOf, textOf, textsOf, type Facts } from './facts';
import { limitsOf } from './limits';

export const scored = ['challenger', 'champion', 'linear', 'baseRate'] as const;
export interface ScoreRow {
  of: (typeof scored)[number];
  logLoss: number | null;
  auc: number | null;
  brier: number | null;
  calibration: { error: number; low?: number; high?: number; slope?: number; bins: unknown } | null;
}
interface Move { revision: number; at: string | null; by: string; reason: string; replaces: number; replacedBy: number | null; until: string | null }

/** What was measured about a version and decided on it. Instants are RFC 3339; null: not measured or not the case. */
export interface ModelCard {
  card: 'rhei.model-card.v1';
  model: string;
  version: number;
  purpose: string;
  owner: string;
  riskTier: string;
  state: { is: string; by: string | null; because: string | null; since: string | null };
  gates: { gate: string; rule: string; passed: boolean; inputs: Record<string, unknown>; reason: string }[];
  metrics: { holdout: DataSheet['holdout']; scores: ScoreRow[]; differences: ({ against: string } & Difference)[] };
  /** Each with its difference to `against`. */
  slices: { against: 'champion' | 'baseRate'; of: Slice[] } | null;
  stopped: unknown;
  leaks: unknown;
  importance: { method: string | null; metric: string | null; features: { feature: string; mean: number; deviation: number | null }[] } | null;
  training: Pick<DataSheet, 'trainingSet' | 'featureSet' | 'asOf' | 'rows' | 'fit' | 'arrivalBasis'>;
  lineage: { run: string; author: string; registeredAt: string | null; cause: unknown; artifact: string; trainingSet: string; code: string; parameters: unknown; signature: unknown; comparedWith: string | null; cachedFrom: string | null; cachedAsOf: string | null };
  approval: { required: boolean; by: string | null; rejectedBy: string | null; said: string | null };
  promotions: Move[];
  rollbacks: { at: string | null; by: string; reason: string; from: number; to: number; revision: number }[];
  live: { deployment: string; role: string; share: number; since: string | null }[];
  helped: { monitor: string; deployment: string; replaced: number; verdict: string; difference: number; low: number; high: number; rows: number; judgedAt: string | null }[];
  limits: string[];
  missing: string[];
}

/** The card of a version, from measured facts. The same facts give the same card. */
export function modelCardOf(facts: Facts): ModelCard {
  const { model, version, history, moves } = facts;
  const report = readReport(version.report);
  const sheet = dataSheetOf(facts);
  const raw = objectOf(version.report);
  const card: Omit<ModelCard, 'limits' | 'missing'> = {
    card: 'rhei.model-card.v1', model: model.name, version: version.version, purpose: model.spec.purpose, owner: model.spec.owner, riskTier: model.spec.riskTier,
    state: { is: version.state, by: version.brought.by || null, because: version.brought.reason || null, since: at(version.brought.at) ?? (version.state === 'champion' ? at(version.promotedAt) : null) },
    gates: version.gates.map(({ gate, rule, passed, inputs, reason }) => ({ gate, rule, passed, inputs, reason })),
    metrics: {
      holdout: sheet.holdout, scores: report === undefined ? [] : scoresOf(report, raw),
      differences: opponents.flatMap((against) => (report?.difference[against] === undefined ? [] : [{ against, ...report.difference[against] }])),
    },
    slices: report?.slices === undefined ? null : { against: Object.keys(report.champion).length > 0 ? 'champion' : 'baseRate', of: report.slices }, stopped: raw.stopped ?? null, leaks: sheet.leaks, importance: importanceOf(version.card),
    training: { trainingSet: sheet.trainingSet, featureSet: sheet.featureSet, asOf: sheet.asOf, rows: sheet.rows, fit: sheet.fit, arrivalBasis: sheet.arrivalBasis },
    lineage: {
      run: version.run, author: version.author, registeredAt: at(version.registeredAt), cause: version.cause, artifact: version.digest, trainingSet: version.trainingSetDigest,
      code: version.codeDigest, parameters: version.parameters, signature: version.signature, comparedWith: version.comparedWith || null,
      cachedFrom: textOf(raw.cachedFrom) ?? null, cachedAsOf: textOf(objectOf(objectOf(version.card).madeBy).asOf) ?? null,
    },
    approval: { required: model.spec.approval === 'required', by: version.approvedBy || null, rejectedBy: version.rejectedBy || null, said: version.reason || null },
    promotions: moves.flatMap((move, index) => (move.version !== version.version ? [] : [{
      revision: move.revision, at: at(move.promotedAt), by: move.by, reason: move.reason, replaces: move.replaces,
      replacedBy: moves[index + 1]?.version ?? null, until: at(moves[index + 1]?.promotedAt),
    }])),
    rollbacks: moves.flatMap((move) => (move.kind !== 'rollback' || (move.replaces !== version.version && move.version !== version.version) ? [] : [
      { at: at(move.promotedAt), by: move.by, reason: move.reason, from: move.replaces, to: move.version, revision: move.revision },
    ])),
    live: history.live.map(({ since, ...place }) => ({ ...place, since: at(since) })),
    helped: history.judgements.map(({ judgedAt, ...judged }) => ({ ...judged, judgedAt: at(judgedAt) })),
  };
  return { ...card, limits: limitsOf(card, [...(model.spec.limits ?? []), ...textsOf(objectOf(version.card).limits)]), missing: missingIn(card, sheet) };
}

function scoresOf(report: Report, raw: Record<string, unknown>): ScoreRow[] {
  return scored.flatMap((of) => {
    const scores: Scores = report[of];
    if (Object.keys(scores).length === 0) return [];
    const { calibration } = scores;
    const bins = objectOf(objectOf(raw[of]).calibration).bins ?? null;
    return [{ of, logLoss: numberOf(scores.logLoss) ?? null, auc: numberOf(scores.auc) ?? null, brier: numberOf(scores.brier) ?? null, calibration: calibration === undefined ? null : { ...calibration, bins } }];
  });
}

function importanceOf(card: unknown): ModelCard['importance'] {
  const { method, metric, values } = objectOf(objectOf(card).importance);
  if (!Array.isArray(values)) return null;
  const features = values.filter(isObject).flatMap((one) => {
    const [feature, mean] = [textOf(one.feature), numberOf(one.mean)];
    return feature === undefined || mean === undefined ? [] : [{ feature, mean, deviation: numberOf(one.deviation) ?? null }];
  });
  return { method: textOf(method) ?? null, metric: textOf(metric) ?? null, features: features.sort((a, b) => b.mean - a.mean || (a.feature < b.feature ? -1 : 1)) };
}

function missingIn(card: Omit<ModelCard, 'limits' | 'missing'>, sheet: DataSheet): string[] {
  const { scores, differences } = card.metrics;
  const row = (of: ScoreRow['of']): ScoreRow | undefined => scores.find((one) => one.of === of);
  const calibration = row('challenger')?.calibration ?? undefined;
  const against = (name: string): boolean => differences.some((one) => one.against === name);
  const absent: [boolean, string][] = [
    [calibration === undefined, 'calibration'],
    [calibration !== undefined && calibration.low === undefined, 'the interval of its calibration error'],
    [row('linear') === undefined, 'a linear model on the same rows'],
    [row('champion') === undefined && card.lineage.comparedWith !== null, 'the scores of the champion that it was to be compared with'],
    [card.lineage.comparedWith !== null && !against('champion'), 'the difference to the champion with its interval'],
    [!against('baseRate'), 'the difference to the base rate with its interval'],
    [card.slices === null, 'the loss by slice'],
    [card.leaks === null, 'a search for leaks'],
    [card.importance === null, 'which features it needs'],
    [card.promotions.length > 0 && card.helped.length === 0, 'whether its promotion helped'],
    [card.promotions.length > 0 && card.live.length === 0, 'which deployments answer with it: none said so'],
    [card.promotions.length === 0, 'how it does on live traffic: it was never promoted'],
  ];
  return [
    ...absent.filter(([is]) => is).map(([, what]) => what),
    'fairness between groups of people', 'robustness against inputs that are made to mislead',
    ...(sheet.missing.length > 0 ? [`of its data: ${sheet.missing.length} points, which its data sheet lists`] : []),
  ];
}
