import { invalid, monitoring, notFound } from '@rhei/contracts';
import { civilOf } from '@rhei/expressions';
import type { Instant } from '@rhei/runtime';
import { everLive, findDeployment } from '../copies.store';
import type { Deps } from '../deps';
import type { Monitor } from '../monitor/monitor.store';
import { bucketOf } from '../window/window';
import { byMonth, compare, type Comparison } from './comparison';
import { pairsOf } from './pair.store';

/**
 * What was live (or one version) against one version that scored the same questions: overall and by month, on the labels that count now,
 * without what either of the two could have learnt.
 */
export async function getComparison({ database, clock }: Deps, { name, spec }: Monitor, request: monitoring.GetComparisonRequest): Promise<monitoring.GetComparisonResponse> {
  const model = (await findDeployment(database, spec.deployment))?.model ?? '';
  const versions = await everLive(database, spec.deployment, model);
  const candidate = versionIn(request.candidate || 'live', 'candidate', 'live');
  const asked = versionIn(request.baseline || 'first', 'baseline', 'first');
  if (request.to !== 0 && request.to <= request.from) throw invalid(`The comparison would end ${request.to} and begin ${request.from}; expected an end after its beginning.`, { field: 'to', expected: `more than ${request.from}`, got: String(request.to), hint: 'Instants are microseconds; 0 is no bound, and "to" is exclusive.' });
  if (versions.length === 0) throw notFound(`No version of model "${model}" was ever live under deployment "${spec.deployment}"; there is nothing to compare.`, { field: 'monitor', expected: 'the monitor of a deployment that answers', got: name, hint: 'rhei models versions MODEL says which versions wait for an approval.' });
  const baseline = asked === 'first' ? versions[0].version : asked;
  const pairs = await pairsOf(database, {
    deployment: spec.deployment, model, candidate, baseline, happens: { from: request.from, to: request.to === 0 ? Number.MAX_SAFE_INTEGER : request.to }, now: clock.now(),
  });
  const unseen = pairs.filter(({ seen }) => !seen);
  const options = { bucket: bucketOf(spec), seed: `${name} ${candidate} ${baseline}` };
  return {
    candidate: String(candidate), baseline, overall: toPaired(compare(unseen, options)),
    months: byMonth(unseen, monthOf).map(([month, of]) => ({ month, paired: toPaired(compare(of, { ...options, seed: `${options.seed} ${month}` })) })),
    seen: pairs.length - unseen.length, same: unseen.filter(({ same }) => same).length,
  };
}

function versionIn<W extends string>(text: string, field: string, word: W): W | number {
  if (text === word) return word;
  const version = Number(text);
  // Versions are 32-bit integers.
  if (/^[1-9]\d*$/.test(text) && version < 2 ** 31) return version;
  throw invalid(`The ${field} of a comparison is "${word}" or the number of a version; got "${text}".`, { field, expected: `"${word}" or a version such as 2`, got: text });
}

function toPaired(comparison: Comparison | undefined): monitoring.Paired | undefined {
  if (!comparison) return undefined;
  return { ...comparison, low: comparison.low, high: comparison.high };
}

function monthOf(at: Instant): string {
  const { year, month } = civilOf(at);
  return `${year}-${String(month).padStart(2, '0')}`;
}
