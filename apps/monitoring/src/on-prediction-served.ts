import { rejected } from '@rhei/contracts';
import { shared } from '@rhei/runtime';
import type { Value } from '@rhei/statistics';
import type { Deps } from './deps';
import { keepPredictions } from './prediction.store';

export const onPredictionServed = shared('PredictionServed', async (_deps: Deps, { payload }, tx) => {
  const { deployment, model, featureSet, predictions } = payload;
  await keepPredictions(tx, { deployment, model, featureSet }, predictions.map(({ id, version, role, example, asOf, exampleTime, requestJson, outputs, features }) => {
    const probability = outputs.probability ?? null;
    // A shadow may fail, and what a deployment declares for want of a model need not be a probability.
    if (probability === null && (role === 'live' || role === 'canary')) throw rejected(`Prediction ${id} of deployment "${deployment}" has the outputs ${Object.keys(outputs).join(', ') || 'none'}; monitoring expects "probability".`);
    return { id, version, role, example, asOf, happensAt: exampleTime || asOf, request: scalarsIn(requestJson), probability, missing: features.filter(({ value }) => value === undefined).map(({ name }) => name) };
  }));
});

/** What can be counted: numbers, texts and truths. */
function scalarsIn(json: string): Record<string, Value> {
  const fields = (json === '' ? {} : JSON.parse(json)) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Value] => ['number', 'string', 'boolean'].includes(typeof entry[1])));
}
