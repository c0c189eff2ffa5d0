import { RheiError, type registry } from '@rhei/contracts';
import { formatInstant } from '@rhei/expressions';
import { causeOf } from './commands/runs';
import { jsonIn } from './json-in';
import type { Platform } from './platform';
import { pairs, table, wrapped } from './table';

/** `churn 3`, `churn v3` and `churn/3` name the same version. */
export function versionNamed(model: string, version: string | undefined): { model: string; version: number } {
  const [name, number] = version === undefined ? [model.slice(0, model.lastIndexOf('/')), model.slice(model.lastIndexOf('/') + 1)] : [model, version];
  if (!/^v?[1-9]\d{0,8}$/.test(number) || name === '') {
    throw new RheiError('invalid', `"${[model, version].filter(Boolean).join(' ')}" names no version.`, { expected: 'MODEL VERSION, such as churn 3', got: [model, version].filter(Boolean).join(' ') });
  }
  return { model: name, version: Number(number.replace('v', '')) };
}

/** Reads one version. Errors: `not_found`, naming those that there are. */
export async function readVersion(platform: Platform, model: string, version: number): Promise<registry.ModelVersion> {
  const { versions } = await platform.ask(platform.registry, platform.registry.listVersions, { model });
  const found = versions.find((one) => one.version === version);
  if (found !== undefined) return found;
  throw new RheiError('not_found', `Model "${model}" has no version ${version}.`, { expected: versions.length === 0 ? 'no version is registered yet' : `one of ${versions.map((one) => one.version).join(', ')}`, got: String(version), hint: `"rhei models versions ${model}" lists them` });
}

export const versionAsJson = ({ causeJson, reportJson, signatureJson, gates, registeredAt, promotedAt, ...version }: registry.ModelVersion) => ({
  ...version, registeredAt: formatInstant(registeredAt), promotedAt: promotedAt === 0 ? null : formatInstant(promotedAt), cause: jsonIn(causeJson),
  report: jsonIn(reportJson), signature: jsonIn(signatureJson), gates: gates.map(({ inputsJson, ...gate }) => ({ ...gate, inputs: jsonIn(inputsJson) })),
});

/** What somebody who approves must have seen: where the version comes from, how it scores, and each gate with its values. */
export function describeVersion(version: registry.ModelVersion, width: number): string {
  const about = pairs([
    ['version', `${version.model}/${version.version}`], ['state', version.state.replaceAll('_', ' ')], ['author', version.author],
    ['run', version.run], ['cause', causeOf(version.causeJson)], ['registered', formatInstant(version.registeredAt)],
    ['digest', version.digest], ['trained on', version.trainingSetDigest],
  ]);
  return [about, metricsOf(version, width), gatesOf(version, width)].filter((part) => part !== '').join('\n');
}

function metricsOf({ reportJson }: registry.ModelVersion, width: number): string {
  const report = (jsonIn(reportJson) ?? {}) as Record<string, Record<string, unknown> | null | undefined>;
  const columns = ['challenger', 'champion', 'baseRate'].filter((name) => Object.values(report[name] ?? {}).some((value) => typeof value === 'number'));
  const metrics = [...new Set(columns.flatMap((name) => Object.keys(report[name]!).filter((metric) => typeof report[name]![metric] === 'number')))];
  if (metrics.length === 0) return '';
  const cell = (value: unknown): string => (typeof value === 'number' ? (Number.isInteger(value) ? String(value) : value.toFixed(4)) : '-');
  const heads: Record<string, string> = { challenger: 'THIS', champion: 'CHAMPION', baseRate: 'BASE RATE' };
  const rows = report.holdout?.rows;
  return table([{ head: typeof rows === 'number' ? `ON ${rows} HELD-OUT ROWS` : 'METRIC' }, ...columns.map((name) => ({ head: heads[name], right: true }))],
    metrics.map((metric) => [metric, ...columns.map((name) => cell(report[name]![metric]))]), width);
}

function gatesOf({ gates }: registry.ModelVersion, width: number): string {
  if (gates.length === 0) return '';
  const inputs = (json: string): string => Object.entries((jsonIn(json) ?? {}) as Record<string, unknown>).map(([path, value]) => `${path} = ${typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(4) : String(value ?? 'absent')}`).join(', ');
  return `GATES\n${gates.map(({ gate, passed, inputsJson, reason }) =>
    wrapped(`  ${passed ? 'met  ' : 'UNMET'}  `, `${gate}: ${[reason, inputs(inputsJson)].filter(Boolean).join('; ') || 'it reads nothing'}`, ' '.repeat(9), width)).join('')}`;
}
