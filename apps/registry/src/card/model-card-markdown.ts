import { canonicalJson } from '@rhei/expressions';
import { isObject, numbers } from '../report';
import { rowsOf } from './free-tables';
import { code, figure, interval, list, percent, plain, section, table, type Head } from './markdown';
import type { ModelCard, ScoreRow } from './model-card';

const heads = (...names: string[]): Head[] => names.map((name) => (name.endsWith('>') ? { name: name.slice(0, -1), right: true } : { name }));
const names: Record<string, string> = { challenger: 'this version', champion: 'the champion', linear: 'a linear model', baseRate: 'the base rate' };

/** The card as a page. The same card gives the same bytes. */
export function modelCardMarkdown(card: ModelCard): string {
  return `${[
    `# Model card of ${plain(card.model)} ${card.version}`, plain(card.purpose),
    list([`Owner: ${plain(card.owner)}`, `Risk tier: ${card.riskTier}`, `State: ${stateOf(card)}`, `Artifact: ${code(card.lineage.artifact)}`]),
    section('Gates', 'none', gates(card)),
    section('Metrics', 'not measured', metrics(card)), section('Calibration', 'not measured', ...calibration(card)),
    section('Slices', card.slices === null ? 'not measured' : 'none', slices(card)),
    section('Checks of the run', 'none', stopped(card), `Leaks: ${card.leaks === null ? 'not searched for' : rowsOf(card.leaks) === '' ? 'none found' : 'see below'}`, rowsOf(card.leaks)),
    section('What it needs', 'not measured', importance(card)),
    section('Training data', 'not stated', training(card)), section('Lineage', 'not stated', lineage(card)),
    section('Approvals', card.approval.required ? 'none yet' : 'none needed', approvals(card)),
    section('Where it answers', 'No deployment said that it answers with this version.', table(heads('Deployment', 'Role', 'Share>', 'Since'), card.live.map(({ deployment, role, share, since }) => [plain(deployment), role, percent(share), since ?? '–']))),
    section('Promotions', 'none', table(heads('Revision>', 'At', 'By', 'Replaced', 'Until', 'Reason'),
      card.promotions.map((move) => [String(move.revision), move.at ?? '–', plain(move.by), move.replaces === 0 ? 'nothing' : `version ${move.replaces}`, move.until === null ? 'now' : `${move.until}, by version ${move.replacedBy}`, plain(move.reason) || '–']))),
    section('Rollbacks', 'none', table(heads('At', 'By', 'From', 'To', 'Reason'), card.rollbacks.map(({ at, by, from, to, reason }) => [at ?? '–', plain(by), `version ${from}`, `version ${to}`, plain(reason)]))),
    section('Did it help', 'not judged', table(heads('Judged', 'Deployment', 'Against', 'Verdict', 'Difference>', '95 % interval', 'Predictions>'),
      card.helped.map((one) => [one.judgedAt ?? '–', plain(one.deployment), `version ${one.replaced}`, one.verdict, figure(one.difference), interval(one), String(one.rows)]))),
    section('Known limits', 'none stated', list(card.limits.map(plain))),
    section('Not measured or not stated', 'nothing', list(card.missing.map(plain))),
  ].join('\n\n')}\n`;
}

function stopped({ stopped: value }: ModelCard): string {
  if (value === null) return '';
  const { round, of } = numbers(value);
  return round === undefined || of === undefined ? `Stopped: ${plain(spelled(value))}` : `Stopped early: ${round} of ${of} rounds were best on the latest rows that fit.`;
}

function stateOf({ state: { is, by, because, since } }: ModelCard): string {
  return `${is.replaceAll('_', ' ')}${since === null ? '' : ` since ${since}`}${by === null ? '' : `, by ${plain(by)}`}${because === null ? '' : `: ${plain(because)}`}`;
}

const gates = (card: ModelCard): string => table(heads('Gate', 'Met', 'Rule', 'Values', 'Why not'), card.gates.map(({ gate, rule, passed, inputs, reason }) => [
  plain(gate), passed ? 'yes' : '**no**', code(rule) || '–',
  Object.keys(inputs).sort().map((path) => `${plain(path)} = ${valueOf(inputs[path])}`).join(', ') || '–', plain(reason) || '–',
]));
const valueOf = (value: unknown): string => (value === null || value === undefined ? 'absent' : typeof value === 'number' ? figure(value) : plain(String(value)));

function metrics({ metrics: { holdout, scores, differences } }: ModelCard): string {
  if (scores.length === 0) return '';
  const gap = (of: string): ModelCard['metrics']['differences'][number] | undefined => differences.find(({ against }) => against === of);
  return [
    `On ${holdout.rows ?? 'an unknown number of'} rows from ${holdout.from ?? 'an unknown day'} to ${holdout.to ?? 'an unknown day'}, which fitted none of them. Differences are of this version's log loss less the other's, on the same rows.`,
    table(heads('', 'Log loss>', 'AUC>', 'Brier>', 'Difference>', '95 % interval'),
      scores.map(({ of, logLoss, auc, brier }) => [names[of], figure(logLoss ?? undefined), figure(auc ?? undefined), figure(brier ?? undefined), figure(gap(of)?.mean), interval(gap(of))])),
  ].join('\n\n');
}

function calibration({ metrics: { scores } }: ModelCard): string[] {
  const measured = scores.filter((row): row is ScoreRow & { calibration: NonNullable<ScoreRow['calibration']> } => row.calibration !== null);
  const bins = measured.find(({ of }) => of === 'challenger')?.calibration.bins;
  return [
    table(heads('', 'Error>', '95 % interval', 'Slope>'), measured.map(({ of, calibration: one }) => [names[of], figure(one.error), interval(one), figure(one.slope)])),
    Array.isArray(bins) && bins.length > 0 ? `This version, by predicted probability:\n\n${rowsOf(bins)}` : '',
  ];
}

const slices = ({ slices: found }: ModelCard): string => table(heads('Field', 'Value', 'Rows>', 'Log loss>', `Difference to ${names[found?.against ?? 'champion']}>`, '95 % interval'),
  (found?.of ?? []).map(({ field, value, rows, logLoss, difference }) => [plain(field), plain(value), String(rows), figure(logLoss), figure(difference?.mean), interval(difference)]));

const importance = ({ importance: found }: ModelCard): string => (found === null ? '' : [
  `By ${plain(found.method ?? 'a method that is not stated')}${found.metric === null ? '' : `, in ${plain(found.metric)}`}.`,
  table(heads('Feature', 'Loss without it>', 'Deviation>'), found.features.map(({ feature, mean, deviation }) => [plain(feature), figure(mean), figure(deviation ?? undefined)])),
].filter((part) => part !== '').join('\n\n'));

const training = ({ training: { featureSet, trainingSet, rows, asOf, fit, arrivalBasis } }: ModelCard): string => list([
  `Feature set: ${plain(featureSet.name)}, version ${featureSet.version}`, `Training set: ${code(trainingSet)}, as of ${asOf ?? 'an instant that is not stated'}`,
  `Rows: ${rows ?? 'not stated'}; ${fit.rows ?? 'an unknown number'} fitted it, from ${fit.from ?? 'not stated'} to ${fit.to ?? 'not stated'}`,
  `Arrival: ${arrivalBasis === null ? 'not stated' : `observed ${percent(arrivalBasis.observed)}, declared ${percent(arrivalBasis.declared)}`}`,
  'More stands in its data sheet.',
]);

const lineage = ({ lineage: from }: ModelCard): string => list([
  `Run: ${code(from.run)} by ${plain(from.author)}, registered ${from.registeredAt ?? 'at an instant that is not stated'}`, `Cause: ${plain(spelled(from.cause))}`,
  ...(from.cachedFrom === null ? [] : [`Answered from the cache of run ${code(from.cachedFrom)}, which had the same inputs${from.cachedAsOf === null ? '' : `: its training set as of ${from.cachedAsOf} made the file`}`]),
  `Compared with: ${from.comparedWith === null ? 'no champion' : code(from.comparedWith)}`,
  `Artifact: ${code(from.artifact)}`, `Training set: ${code(from.trainingSet)}`, `Code: ${code(from.code)}`,
  `Parameters: ${code(canonicalJson(from.parameters ?? null))}`, `Signature: ${code(canonicalJson(from.signature ?? null))}`,
]);

const spelled = (value: unknown): string => (isObject(value) ? Object.keys(value).sort().map((key) => `${key} ${typeof value[key] === 'string' ? value[key] : canonicalJson(value[key] ?? null)}`).join(', ') : canonicalJson(value ?? null));

function approvals({ approval: { by, rejectedBy, said } }: ModelCard): string {
  const words = said === null ? '' : `: ${plain(said)}`;
  if (by !== null) return `Approved by ${plain(by)}${words}`;
  return rejectedBy === null ? '' : `Rejected by ${plain(rejectedBy)}${words}`;
}
