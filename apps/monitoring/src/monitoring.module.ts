import { service } from '@rhei/runtime';
import { windowCloses } from './close-window';
import { config, type Config } from './config';
import type { Deps } from './deps';
import { explainRetraining, explainWindow } from './explain';
import { Monitoring0001Monitors1700000000001 } from './migrations/0001-monitors';
import { monitorResource } from './monitor-resource';
import { countFigures } from './monitor.store';
import { monitoringRpc } from './monitoring.grpc';
import { onDeploymentApplied } from './on-deployment-applied';
import { onExampleLabelled } from './on-example-labelled';
import { onFeatureSetApplied } from './on-feature-set-applied';
import { onModelVersionRegistered } from './on-model-version-registered';
import { onPredictionServed } from './on-prediction-served';
import { onRunFailed } from './on-run-failed';
import { onTrafficShifted } from './on-traffic-shifted';
import { onTrainingPlanApplied } from './on-training-plan-applied';
import { countPredictions } from './prediction.store';

/** Watches what deployments are asked and how good they answer, and asks for a retraining when the world has changed. */
export const MonitoringModule = service<Config, Deps>({
  name: 'monitoring',
  config,
  migrations: [Monitoring0001Monitors1700000000001],
  deps: ({ database, clock }) => ({ database, clock }),
  rpc: (deps) => [monitoringRpc(deps)],
  resources: [monitorResource],
  on: [
    onDeploymentApplied, onFeatureSetApplied, onTrainingPlanApplied, onPredictionServed, onExampleLabelled,
    onModelVersionRegistered, onTrafficShifted, onRunFailed,
  ],
  timers: [windowCloses],
  explain: { window: explainWindow, decision: explainWindow, retraining: explainRetraining },
  figures: ({ database }) => countFigures(database),
  counts: ({ database, clock }) => countPredictions(database, clock.now()),
});
