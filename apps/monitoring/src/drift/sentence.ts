import type { DriftTest, Untested } from './drift';

type Named = Pick<DriftTest, 'name' | 'reference' | 'slice'>;

/** What was tested, in one word: `outcome`, `outcome@moving`, `loss@moving[request.origin=ATL]`. Unique in a window, and stable. */
export const testName = ({ name, reference, slice }: Named): string => `${name}${reference === 'moving' ? '@moving' : ''}${slice === '' ? '' : `[${slice}]`}`;

/** `PSI 0.123, p = 0.001`, or `from 2.0 % to 5.1 %, p = 0.001`. */
export function figuresOf({ name, measure, before, after, effect, pValue }: DriftTest): string {
  const p = `p = ${pValue.toFixed(pValue < 0.001 ? 5 : 3)}`;
  if (measure === 'psi' || before === undefined || after === undefined) return `PSI ${effect.toFixed(3)}, ${p}`;
  return `from ${figure(name, before)} to ${figure(name, after)}, ${p}`;
}

function figure(name: string, value: number): string {
  if (name.startsWith('missing.')) return `${(100 * value).toFixed(1)} %`;
  return name === 'loss' ? value.toFixed(4) : `${value.toFixed(1)} rows a bucket`;
}

/** An alarm as a sentence. */
export function alarmSentence(test: DriftTest, version: number): string {
  const against = test.reference === 'moving' ? 'the last quiet windows' : test.name === 'loss' ? `the first days of version ${version}` : `the reference of version ${version}`;
  return `${test.name}${test.slice === '' ? '' : ` where ${test.slice}`} differs from ${against} (${figuresOf(test)})`;
}

/** Why things were not tested, each reason once. */
export function untestedText(untested: readonly Untested[]): string {
  const byReason = new Map<string, string[]>();
  for (const one of untested) byReason.set(one.why, [...(byReason.get(one.why) ?? []), testName(one)]);
  return byReason.size === 0 ? '' : `not tested: ${[...byReason].map(([why, names]) => `${names.join(', ')}, because ${why}`).join('; ')}`;
}
