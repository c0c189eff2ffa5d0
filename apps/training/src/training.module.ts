import { feature } from '@rhei/contracts';
import { call, service } from '@rhei/runtime';
import { config, type Config } from './config';
import type { Deps } from './deps';
import { explainRun } from './explain-run';
import { lookAtPlan } from './look-at-plan';
import { Training0001Training1700000000001 } from './migrations/0001-training';
import { Training0002Traces1700000000002 } from './migrations/0002-traces';
import { Training0003Reproducing1700000000003 } from './migrations/0003-reproducing';
import { Training0004Listing1700000000004 } from './migrations/0004-listing';
import { onExampleLabelled } from './on-example-labelled';
import { onFeatureSetApplied } from './on-feature-set-applied';
import { onModelApplied } from './on-model-applied';
import { onModelVersionPromoted } from './on-model-version-promoted';
import { onModelVersionRegistered } from './on-model-version-registered';
import { onRetrainingRequested } from './on-retraining-requested';
import { onTrainingSetBuilt } from './on-training-set-built';
import { planResource } from './plan-resource';
import { countRuns, listArtifacts, keptBlobs } from './run.store';
import { Supervisor } from './supervisor';
import { trainingRpc } from './training.grpc';

interface Parts extends Deps {
  supervisor: Supervisor;
}

export const TrainingModule = service<Config, Parts>({
  name: 'training',
  config,
  migrations: [Training0001Training1700000000001, Training0002Traces1700000000002, Training0003Reproducing1700000000003, Training0004Listing1700000000004],
  deps({ database, blobs, log, config: own, peer }) {
    const features = peer('feature', feature.FeatureServiceClient);
    const supervisor = new Supervisor({ database, blobs, log, config: own, buildTrainingSet: (request) => call(features, 'buildTrainingSet', request, { deadline: 2_000 }) });
    return { database, supervisor, wake: () => supervisor.wake(), stopRun: (run) => supervisor.stopRun(run) };
  },
  rpc: trainingRpc,
  on: [
    onModelApplied, onFeatureSetApplied, onExampleLabelled, onModelVersionRegistered, onModelVersionPromoted, onRetrainingRequested, onTrainingSetBuilt,
  ],
  timers: [lookAtPlan],
  resources: [planResource],
  workers: [{ name: 'supervisor of runs', start: async ({ supervisor }) => supervisor.start(), stop: ({ supervisor }) => supervisor.stop() }],
  explain: { run: explainRun },
  inFlight: async ({ database }) => ({ runs: (await countRuns(database)).inFlight }),
  figures: async ({ database }) => {
    const { runs, succeeded, failed, open } = await countRuns(database);
    return { runs, succeeded, failed, open };
  },
  keeps: ({ database }) => keptBlobs(database),
  counts: async ({ database }) => ({ runs: (await countRuns(database)).runs }),
  digests: { models: async function* ({ database }) { yield* await listArtifacts(database); } },
});
