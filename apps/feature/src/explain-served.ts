import { formatInstant } from '@rhei/expressions';
import type { Explanation } from '@rhei/runtime';
import type { Deps } from './deps';
import { differencesOf } from './set/served.store';

/** Answers `rhei why` for a prediction whose features are not what the same question gives now; undefined where they are, or were not checked. */
export async function explainServed({ database }: Pick<Deps, 'database'>, prediction: string): Promise<Explanation | undefined> {
  const differences = await differencesOf(database, prediction);
  if (differences.length === 0) return undefined;
  const [{ featureSet, asOf }] = differences;
  const shown = (value: number | null): string => (value === null ? 'nothing' : String(value));
  return {
    title: `features of prediction ${prediction} differ from ${featureSet} as known at ${formatInstant(asOf)}`,
    lines: differences.map(({ feature, served, recomputed }) => `${feature}: served ${shown(served)}, recomputed ${shown(recomputed)}`),
    causes: [],
  };
}
