import type { training } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { jsonIn } from './json-in';
import { signed, signedRange } from './signed';
import { pairs, table, wrapped } from './table';

/** What a run's report says, as far as it is shown; a part that was not measured is absent. */
interface Scores { logLoss?: number; auc?: number; brier?: number; calibration?: { error: number; low?: number; high?: number; slope?: number }; unable?: string }
interface Interval { mean: number; low: number; high: number; rows?: number }
interface Report {
  holdout?: { from: string; to: string; rows: number };
  fit?: { from: string; to: string; rows: number };
  challenger?: Scores;
  champion?: Scores;
  linear?: Scores;
  baseRate?: Scores;
  difference?: Record<string, Interval>;
  slices?: { field: string; value: string; rows: number; logLoss: number; difference: Interval | null }[];
  leaks?: { column: string; kind: string; evidence: string; overridden: boolean; reason?: string }[];
  stopped?: { round: number; of: number };
  improved?: boolean;
  unbeaten?: string[];
}

export function causeOf(causeJson: string): string {
  const { kind, reason } = (jsonIn(causeJson) ?? {}) as { kind?: string; reason?: string };
  return `${kind ?? 'unknown'}${reason ? `: ${reason}` : ''}`;
}

export const stateOf = ({ state, progress, phase, failure, cachedFrom }: training.Run): string => {
  if (state === 'running') return `running ${(100 * progress).toFixed(0)} %${phase === '' ? '' : `, ${phase}`}`;
  if (cachedFrom !== '') return `${state}, cached from ${cachedFrom}`;
  return failure === '' ? state : `${state}: ${failure}`;
};

export const runAsJson = ({ causeJson, reportJson, parametersJson, specJson, championJson, asOf, endedAt, fitUntil, ...run }: training.Run) => ({
  ...run, asOf: formatInstant(asOf), endedAt: instant(endedAt), fitUntil: instant(fitUntil), cause: jsonIn(causeJson), report: jsonIn(reportJson), parameters: jsonIn(parametersJson),
  plannedAs: jsonIn(specJson), champion: jsonIn(championJson),
});
const instant = (at: number): string | null => (at === 0 ? null : formatInstant(at));

/** Everything about one run: where it comes from, what made it, how it scored against whom, and what stands on record. */
export function describeRun(run: training.Run, width: number): string {
  const report = (jsonIn(run.reportJson) ?? {}) as Report;
  const { stopped, fit } = report;
  const champion = (jsonIn(run.championJson) ?? {}) as { version?: number; digest?: string };
  const about: [string, string][] = [
    ['run', run.id], ['plan', run.plan], ['model', run.model], ['state', run.state], ['cause', causeOf(run.causeJson)], ['by', run.by], ['as of', formatInstant(run.asOf)],
    ...optional('ended', run.endedAt === 0 ? '' : `${formatInstant(run.endedAt)}${run.seconds > 0 ? `, after ${run.seconds.toFixed(1)} s of work` : ''}`),
    ...optional('now', run.state === 'running' ? stateOf(run) : ''),
    ...optional('cached from', run.cachedFrom === '' ? '' : `run ${run.cachedFrom}: same training set, code, parameters and champion`),
    ['feature set', `${run.featureSet} version ${run.featureSetVersion}`], ...optional('rows', run.trainingSetDigest), ...optional('code', run.codeDigest),
    ...optional('champion', champion.version === undefined ? '' : `version ${champion.version}, ${champion.digest}`), ...optional('model file', run.artifactDigest),
    ...optional('fitted on', fit === undefined ? '' : `${fit.rows} rows, ${fit.from} to ${fit.to}`),
    ...optional('parameters', run.parametersJson === '' ? '' : Object.entries(jsonIn(run.parametersJson) as object).map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`).join(', ')),
    ...optional('trees', stopped === undefined ? '' : `${stopped.round} of ${stopped.of}: best on the latest rows that fit`),
    ...optional('failure', run.failure),
  ];
  return [pairs(about, width), metricsTable(report, width), differenceTable(report, width), slicesTable(report, width), leaksText(report, width)].filter((part) => part !== '').join('\n');
}

const optional = (name: string, value: string): [string, string][] => (value === '' ? [] : [[name, value]]);
const number = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(4));
const short = ({ low, high }: { low?: number; high?: number }): string => (low === undefined || high === undefined ? '-' : `${low.toFixed(3)}..${high.toFixed(3)}`);

function metricsTable(report: Report, width: number): string {
  const heads = { challenger: 'THIS', champion: 'CHAMPION', linear: 'LINEAR', baseRate: 'BASE RATE' } as const;
  const named = (Object.keys(heads) as (keyof typeof heads)[]).filter((name) => report[name]?.logLoss !== undefined);
  if (named.length === 0) return '';
  const row = (what: string, of: (scores: Scores) => number | undefined): string[] => [what, ...named.map((name) => number(of(report[name]!)))];
  const rows = [row('log loss', ({ logLoss }) => logLoss), row('AUC', ({ auc }) => auc), row('Brier', ({ brier }) => brier)];
  if (named.some((name) => report[name]!.calibration !== undefined)) {
    rows.push(row('calibration error', ({ calibration }) => calibration?.error), ['  its 95 %', ...named.map((name) => short(report[name]!.calibration ?? {}))], row('calibration slope', ({ calibration }) => calibration?.slope));
  }
  const words = report.improved === false ? `It did not beat the ${(report.unbeaten ?? ['one before']).join(' or the ')}.\n` : '';
  const unable = report.champion?.unable === undefined ? '' : `The champion was not scored: ${report.champion.unable}.\n`;
  return table([{ head: `ON ${report.holdout?.rows ?? '?'} LATER ROWS` }, ...named.map((name) => ({ head: heads[name], right: true }))], rows, width) + words + unable;
}

function differenceTable({ difference = {} }: Report, width: number): string {
  const names: Record<string, string> = { champion: 'champion', linear: 'linear baseline', baseRate: 'base rate' };
  const rows = Object.entries(difference).map(([name, one]) => [names[name] ?? name, signed(one.mean), signedRange(one.low, one.high), one.high < 0 ? 'better' : one.low > 0 ? 'worse' : 'unclear']);
  return rows.length === 0 ? '' : table([{ head: 'LOG LOSS AGAINST' }, { head: 'DIFFERENCE', right: true }, { head: '95 % BY DAYS' }, { head: '' }], rows, width);
}

function slicesTable({ slices = [] }: Report, width: number): string {
  return slices.length === 0 ? '' : table(
    [{ head: 'SLICE', cut: true }, { head: 'VALUE', cut: true }, { head: 'ROWS', right: true }, { head: 'LOG LOSS', right: true }, { head: 'DIFFERENCE', right: true }, { head: '95 % BY DAYS' }],
    slices.map(({ field, value, rows, logLoss, difference }) => [field, value, String(rows), number(logLoss), ...(difference === null ? ['-', '-'] : [signed(difference.mean), signedRange(difference.low, difference.high)])]), width);
}

function leaksText({ leaks = [] }: Report, width: number): string {
  return leaks.length === 0 ? '' : `LEAKS\n${leaks.map(({ column, kind, evidence, overridden, reason }) =>
    wrapped('  ', `${column} (${kind}): ${evidence}.${overridden ? ` Allowed: ${reason}.` : ''}`, '    ', width)).join('')}`;
}
