import type { feature, registry, serving } from '@rhei/contracts';

/** What other services tell, with every field that a case is not about. */
export const prediction = (over: Partial<serving.Prediction> & Pick<serving.Prediction, 'id' | 'asOf'>): serving.Prediction => ({
  version: 1, role: 'live', digest: 'one', example: over.id.replace(/^p/, 'e'), exampleTime: over.asOf, requestJson: '{}', features: [], outputs: { probability: 0.2 },
  traffic: 0, reason: '', error: '', featureSetVersion: 0, ...over,
});

export const label = (over: Partial<feature.Label> & Pick<feature.Label, 'example' | 'value'>): feature.Label =>
  ({ featureSet: 'lateness', revision: 1, exampleTime: 0, maturesAt: 0, arrival: 0, asOf: 0, withdrawn: false, ...over });

export const shifted = (over: Partial<serving.TrafficShifted> & Pick<serving.TrafficShifted, 'version' | 'revision' | 'shiftedAt'>): serving.TrafficShifted => ({
  deployment: 'departures', model: 'late', digest: `digest ${over.version}`, replaces: 0, stage: 'live', candidate: 0, candidateDigest: '', share: 0, reason: '', ...over,
});

export const registered = (over: Partial<registry.ModelVersionRegistered> & Pick<registry.ModelVersionRegistered, 'version' | 'asOf'>): registry.ModelVersionRegistered => ({
  model: 'late', digest: `digest ${over.version}`, run: `run-${over.version}`, author: 'dev', registeredAt: over.asOf, featureSet: 'lateness', featureSetVersion: 1,
  causeJson: '{}', reportJson: '{}', profile: undefined, ...over,
});
