import { RheiError, type registry } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { causeOf } from './run-details';
import { jsonIn } from './json-in';
import type { Platform } from './platform';
import { signed, signedRange } from './signed';
import { pairs, table, wrapped } from './table';

/** `churn 3`, `churn v3` and `churn/3` name the same version. */
export function versionNamed(model: string, version: string | undefined): { model: string; version: number } {
  const cut = model.lastIndexOf('/');
  const [name, number] = version !== undefined ? [model, version] : cut < 0 ? [model, ''] : [model.slice(0, cut), model.slice(cut + 1)];
  if (!/^v?[1-9]\d{0,8}$/.test(number) || name === '') {
    const got = [model, version].filter(Boolean).join(' ');
    throw new RheiError('invalid', `"${got}" names no version.`, { field: 'version', expected: 'MODEL VERSION, such as churn 3', got, hint: `"rhei models versions ${name || model}" lists them` });
  }
  return { model: name, version: Number(number.replace('v', '')) };
}

/** Reads one version. Errors: `not_found`, naming those that there are. */
export async function readVersion(platform: Platform, model: string, version: number): Promise<registry.ModelVersion> {
  const { versions } = await platform.ask(platform.registry, platform.registry.listVersions, { model });
  const found = versions.find((one) => one.version === version);
  if (found !== undefined) return found;
  throw new RheiError('not_found', `Model "${model}" has no version ${version}.`, { field: 'version', expected: versions.length === 0 ? 'no version is registered yet' : `one of ${versions.map((one) => one.version).join(', ')}`, got: String(version), hint: `"rhei models versions ${model}" lists them` });
}

const known = (instant: number): string | null => (instant === 0 ? null : formatInstant(instant));

export const versionAsJson = ({ causeJson, reportJson, signatureJson, gates, registeredAt, promotedAt, stateAt, judgements, live, ...version }: registry.ModelVersion) => ({
  ...version, registeredAt: formatInstant(registeredAt), promotedAt: known(promotedAt), stateAt: known(stateAt), cause: jsonIn(causeJson),
  judgements: judgements.map((one) => ({ ...one, judgedAt: known(one.judgedAt) })), live: live.map((place) => ({ ...place, since: known(place.since) })),
  report: jsonIn(reportJson), signature: jsonIn(signatureJson), gates: gates.map(({ inputsJson, ...gate }) => ({ ...gate, inputs: jsonIn(inputsJson) })),
});

/** What somebody who approves must have seen: where the version comes from, how it scores, and each gate with its values. */
export function describeVersion(version: registry.ModelVersion, width: number): string {
  const about = pairs([
    ['version', `${version.model}/${version.version}`], ['state', stateOf(version)], ['author', version.author],
    ['run', version.run], ['cause', causeOf(version.causeJson)], ['registered', formatInstant(version.registeredAt)],
    ['digest', version.digest], ['trained on', version.trainingSetDigest],
    ...(version.approvedBy === '' ? [] : [['approved by', said(version.approvedBy, version.reason)] as [string, string]]),
    ...(version.rejectedBy === '' ? [] : [['rejected by', said(version.rejectedBy, version.reason)] as [string, string]]),
    ...version.live.map(({ deployment, role, share, since }): [string, string] => [role, `in ${deployment}, ${(100 * share).toFixed(0)} % of its questions, since ${formatInstant(since)}`]),
    ...version.judgements.map((one): [string, string] => ['helped', helpOf(one)]),
  ], width);
  return [about, metricsOf(version, width), gatesOf(version, width)].filter((part) => part !== '').join('\n');
}

const said = (who: string, what: string): string => (what === '' ? who : `${who}: ${what}`);
const stateOf = ({ state, stateBy, stateReason, stateAt }: registry.ModelVersion): string =>
  `${state.replaceAll('_', ' ')}${stateBy === '' ? '' : ` ${formatInstant(stateAt)} by ${said(stateBy, stateReason)}`}`;

/** What monitoring found about a promotion, in a line. */
export const helpOf = ({ verdict, replaced, deployment, difference, low, high, rows, judgedAt }: registry.HelpJudgement): string =>
  `${verdict} against version ${replaced} in ${deployment}: ${signed(difference)} (${signedRange(low, high)}) on ${rows} predictions, judged ${formatInstant(judgedAt)}`;

/** Its loss less that of another on the same rows, as far as the run measured it; an interval that leaves out 0 is marked. */
export function differenceOf({ reportJson }: registry.ModelVersion, other: 'champion' | 'linear' | 'baseRate'): string | undefined {
  const { mean, low, high } = ((jsonIn(reportJson) as { difference?: Record<string, Record<string, unknown> | null> } | null)?.difference?.[other] ?? {});
  if (typeof mean !== 'number') return undefined;
  return `${signed(mean)}${typeof low === 'number' && typeof high === 'number' && (low > 0 || high < 0) ? '*' : ''}`;
}

function metricsOf({ reportJson }: registry.ModelVersion, width: number): string {
  const report = (jsonIn(reportJson) ?? {}) as Record<string, Record<string, unknown> | null | undefined>;
  const columns = ['challenger', 'champion', 'linear', 'baseRate'].filter((name) => Object.values(report[name] ?? {}).some((value) => typeof value === 'number'));
  const metrics = [...new Set(columns.flatMap((name) => Object.keys(report[name]!).filter((metric) => typeof report[name]![metric] === 'number')))];
  if (metrics.length === 0) return '';
  const intervals = columns.map((name) => intervalOf(report.difference?.[name]));
  const calibration = columns.map((name) => cellOf((report[name]!.calibration as { error?: unknown } | null | undefined)?.error));
  const heads: Record<string, string> = { challenger: 'THIS', champion: 'CHAMPION', linear: 'LINEAR', baseRate: 'BASE RATE' };
  const rows = report.holdout?.rows;
  return table([{ head: typeof rows === 'number' ? `ON ${rows} HELD-OUT ROWS` : 'METRIC' }, ...columns.map((name) => ({ head: heads[name], right: true }))],
    [
      ...metrics.map((metric) => [metric, ...columns.map((name) => cellOf(report[name]![metric]))]),
      ...(calibration.some((cell) => cell !== '-') ? [['calibration error', ...calibration]] : []),
      ...(intervals.some((cell) => cell !== '-') ? [['difference (95 %)', ...intervals]] : []),
    ], width);
}

const cellOf = (value: unknown): string => (typeof value === 'number' ? (Number.isInteger(value) ? String(value) : value.toFixed(4)) : '-');
function intervalOf(value: unknown): string {
  const { low, high } = (value ?? {}) as { low?: unknown; high?: unknown };
  return typeof low === 'number' && typeof high === 'number' ? `${signed(low, 3)}..${signed(high, 3)}` : '-';
}

function gatesOf({ gates }: registry.ModelVersion, width: number): string {
  if (gates.length === 0) return '';
  const inputs = (json: string): string => Object.entries((jsonIn(json) ?? {}) as Record<string, unknown>).map(([path, value]) => `${path} = ${typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(4) : String(value ?? 'absent')}`).join(', ');
  return `GATES\n${gates.map(({ gate, passed, inputsJson, reason }) =>
    wrapped(`  ${passed ? 'met  ' : 'UNMET'}  `, `${gate}: ${[reason, inputs(inputsJson)].filter(Boolean).join('; ') || 'it reads nothing'}`, ' '.repeat(9), width)).join('')}`;
}
