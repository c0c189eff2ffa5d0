import { feature } from '@rhei/contracts';
import { readers, type Rpc } from '@rhei/runtime';
import { buildTrainingSet } from './build-training-set';
import type { Deps } from './deps';
import { getExplanation } from './get-explanation';
import { getEntity } from './get-entity';
import { getFeatures } from './get-features';
import { listFeatures } from './list-features';

/** The feature service's gRPC door. */
export const featureRpc = (deps: Deps): Rpc => ({
  definition: feature.FeatureServiceService,
  methods: {
    getFeatures: { roles: ['service', 'developer', 'admin'], deadline: 250, handle: (request: feature.GetFeaturesRequest) => getFeatures(deps, request) },
    buildTrainingSet: { roles: ['service:training', 'developer', 'admin'], deadline: 2_000, handle: (request: feature.BuildTrainingSetRequest) => buildTrainingSet(deps, request) },
    listFeatures: { roles: readers, deadline: 2_000, handle: () => listFeatures(deps) },
    getEntity: { roles: readers, deadline: 2_000, handle: (request: feature.GetEntityRequest) => getEntity(deps, request) },
    getExplanation: { roles: readers, deadline: 2_000, handle: (request: feature.GetExplanationRequest) => getExplanation(deps, request) },
  },
});
