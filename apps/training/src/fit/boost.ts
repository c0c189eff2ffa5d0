import { bestRound, boostingParams, fitBoosting, labelsOf, rowsOf, type BoostingParams, type Ensemble } from '@rhei/tabular';
import type { PlanSpec } from '../plan-spec';
import type { Examples } from './read-examples';
import { splitFold } from './split';

export interface Boosted {
  ensemble: Ensemble;
  /** What stands on the card: with early stopping, `trees` is the bound that the plan gave. */
  parameters: Record<string, unknown>;
  stopped?: { round: number; of: number };
}

/** The engine's parameters of a plan, with its defaults. Errors: `TabularError` naming each that is wrong. */
export function parametersOf({ engine: { earlyStopping: _, ...given }, seed }: Pick<PlanSpec, 'engine' | 'seed'>): BoostingParams {
  return boostingParams({ ...given, seed });
}

/**
 * Fits the trees of a plan. With early stopping the latest part of the rows only finds the number of trees, and then all
 * rows fit that many: the newest rows are the most like those to come, and a model that had not seen them would be older
 * than it need be.
 */
export function boost(examples: Pick<Examples, 'asOf' | 'labels' | 'features'>, fit: Uint32Array, spec: Pick<PlanSpec, 'engine' | 'seed'>, { progress, cancelled }: { progress(share: number): void; cancelled(): boolean }): Boosted {
  const parameters = parametersOf(spec);
  const { earlyStopping } = spec.engine;
  const part = (rows: Uint32Array) => ({ table: rowsOf(examples.features, rows), labels: labelsOf(examples.labels, rows) });
  const told = (from: number, to: number) => ({ cancelled, onProgress: ({ tree, trees }: { tree: number; trees: number }) => progress(from + ((to - from) * tree) / trees) });
  const all = part(fit);
  if (earlyStopping === undefined) return { ensemble: fitBoosting(all.table, all.labels, parameters, told(0, 1)), parameters: { ...parameters } };
  const { early, fold } = splitFold(examples, fit, earlyStopping.fold);
  const { round, of } = bestRound(part(early), part(fold), parameters, earlyStopping.rounds, told(0, 0.6));
  return { ensemble: fitBoosting(all.table, all.labels, { ...parameters, trees: round }, told(0.6, 1)), parameters: { ...parameters, earlyStopping }, stopped: { round, of } };
}
