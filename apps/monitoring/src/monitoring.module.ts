import { service } from '@rhei/runtime';
import { config, type Config } from './config';
import type { Deps } from './deps';
import { explainAlarm, explainPromotion, explainRetraining, explainWindow } from './explain';
import { Monitoring0001Monitors1700000000001 } from './migrations/0001-monitors';
import { Monitoring0002RestatedTruth1700000000002 } from './migrations/0002-restated-truth';
import { Monitoring0003Returns1700000000003 } from './migrations/0003-returns';
import { monitorResource } from './monitor/monitor-resource';
import { countFigures } from './monitor/monitor.store';
import { monitoringRpc } from './monitoring.grpc';
import { onDeploymentApplied } from './on-deployment-applied';
import { onExampleLabelled } from './on-example-labelled';
import { onFeatureSetApplied } from './on-feature-set-applied';
import { onModelVersionRegistered } from './on-model-version-registered';
import { onPredictionServed } from './on-prediction-served';
import { onRunFailed } from './on-run-failed';
import { onTrafficRolledBack } from './on-traffic-rolled-back';
import { onTrafficShifted } from './on-traffic-shifted';
import { onTrainingPlanApplied } from './on-training-plan-applied';
import { countPredictions } from './prediction.store';
import { promotionJudged } from './promotion/judge-promotion';
import { windowCloses } from './window/close-window';

/** Watches what deployments are asked and how good they answer, and asks for a retraining when the world has changed. */
export const MonitoringModule = service<Config, Deps>({
  name: 'monitoring',
  config,
  migrations: [Monitoring0001Monitors1700000000001, Monitoring0002RestatedTruth1700000000002, Monitoring0003Returns1700000000003],
  deps: ({ database, clock }) => ({ database, clock }),
  rpc: (deps) => [monitoringRpc(deps)],
  resources: [monitorResource],
  on: [
    onDeploymentApplied, onFeatureSetApplied, onTrainingPlanApplied, onPredictionServed, onExampleLabelled,
    onModelVersionRegistered, onTrafficShifted, onTrafficRolledBack, onRunFailed,
  ],
  timers: [windowCloses, promotionJudged],
  explain: { window: explainWindow, decision: explainWindow, retraining: explainRetraining, alarm: explainAlarm, promotion: explainPromotion },
  figures: ({ database }) => countFigures(database),
  counts: ({ database, clock }) => countPredictions(database, clock.now()),
});
