import { feature } from '@rhei/contracts';
import type { Rpc } from '@rhei/runtime';
import { buildTrainingSet } from './build-training-set';
import type { Deps } from './deps';
import { getFeatures } from './get-features';

/** The feature service's gRPC door. */
export const featureRpc = (deps: Deps): Rpc => ({
  definition: feature.FeatureServiceService,
  methods: {
    getFeatures: { roles: ['service', 'developer', 'admin'], deadline: 250, handle: (request: feature.GetFeaturesRequest) => getFeatures(deps, request) },
    buildTrainingSet: { roles: ['service:training', 'developer', 'admin'], deadline: 2_000, handle: (request: feature.BuildTrainingSetRequest) => buildTrainingSet(deps, request) },
  },
});
