import { service } from '@rhei/runtime';
import { config, type Config } from './config';
import { DefinitionCache } from './definitions.store';
import type { Deps } from './deps';
import { explainServed } from './explain-served';
import { explainTrainingSet } from './explain-training-set';
import { featureRpc } from './feature.grpc';
import { Feature0001Features1700000000001 } from './migrations/0001-features';
import { Feature0002Traces1700000000002 } from './migrations/0002-traces';
import { Feature0003Revisions1700000000003 } from './migrations/0003-revisions';
import { Feature0004ToldExampleTime1700000000004 } from './migrations/0004-told-example-time';
import { onArrivalsClosed } from './on-arrivals-closed';
import { onPredictionServed } from './on-prediction-served';
import { onRecordAccepted } from './on-record-accepted';
import { onSourceApplied } from './on-source-applied';
import { sourceReadByFeatures } from './record/contract-change';
import { countFailures } from './record/failure.store';
import { countExamples } from './set/example.store';
import { servedFigures } from './set/served-figures';
import { servedCounts } from './set/served.store';
import { featureSetResource } from './set/feature-set.resource';
import { Builds } from './training-set/builds';
import { builtSets, countByState, countReady, keptBlobs } from './training-set/training-set.store';
import { featureViewResource } from './view/feature-view.resource';

/** Feature views and sets, their values online and offline, labels, and training sets. */
export const FeatureModule = service<Config, Deps>({
  name: 'feature',
  config,
  migrations: [Feature0001Features1700000000001, Feature0002Traces1700000000002, Feature0003Revisions1700000000003, Feature0004ToldExampleTime1700000000004],
  deps: ({ database, blobs, clock, log, config }) => {
    const own = { database, blobs, clock, log, config, definitions: new DefinitionCache() };
    return { ...own, builds: new Builds(own) };
  },
  rpc: (deps) => [featureRpc(deps)],
  resources: [featureViewResource, featureSetResource],
  refers: [sourceReadByFeatures],
  on: [onSourceApplied, onRecordAccepted, onArrivalsClosed, onPredictionServed],
  workers: [{ name: 'training sets', start: async ({ builds }) => builds.start(), stop: ({ builds }) => builds.end() }],
  explain: { 'training-set': explainTrainingSet, served: explainServed },
  figures: async ({ database }) => {
    const { building, failed } = await countByState(database);
    const served = await servedCounts(database);
    return {
      evaluationFailures: await countFailures(database), trainingSetsBuilding: building, trainingSetsFailed: failed,
      servedChecked: served.reduce((sum, { checked }) => sum + checked, 0), servedDiffering: served.reduce((sum, { differing }) => sum + differing, 0),
    };
  },
  gauges: servedFigures,
  keeps: ({ database }) => keptBlobs(database),
  counts: async ({ database, definitions, clock }) => {
    const { examples, labelled } = await countExamples(database, (await definitions.read(database)).sets, clock.now());
    return { examples, labelled, trainingSets: (await countByState(database)).built };
  },
  digests: {
    trainingSets: async function* ({ database }) {
      for (const { id, featureSet, version, asOf, requireFullWindows, manifest } of await builtSets(database)) {
        yield { id, featureSet, version, asOf, requireFullWindows, rows: manifest!.digests.rows, schema: manifest!.digests.schema };
      }
    },
  },
  inFlight: async ({ database, builds }) => {
    const ready = await countReady(database);
    // Nothing but this question may come while a build waits for a store that was away.
    if (ready > 0) builds.wake();
    return { builds: ready };
  },
  refresh: async ({ builds }) => builds.wake(),
});
