import { shared } from '@rhei/runtime';
import { keepPlan } from './copies.store';
import type { Deps } from './deps';

export const onTrainingPlanApplied = shared('TrainingPlanApplied', async (_deps: Deps, { payload }, tx) => {
  const { model } = JSON.parse(payload.specJson) as { model: string };
  await keepPlan(tx, payload.name, model);
});
