import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { call, connect } from '@rhei/runtime';
import { ingestion, feature, runtime } from '@rhei/contracts';
import { canonicalJson, hashUnit } from '@rhei/expressions';
import { shardOf } from '@rhei/messaging';
import type { RunningServices } from '@rhei/testing';
import { parseAllDocuments } from 'yaml';

interface Declared { kind: string; metadata: { name: string }; spec: Record<string, unknown> }

const ofNetwork = (one: { name?: unknown } | { metadata: { name: string } }): boolean => /^network/.test(String('metadata' in one ? one.metadata.name : one.name));

/** The resources of the example, as `rhei apply` would send them, without what describes the whole network: one entity tells these tests nothing. */
export const declared: Declared[] = ['source.yaml', 'features.yaml']
  .flatMap((file) => parseAllDocuments(readFileSync(join(__dirname, '../../../examples/flights', file), 'utf8')).map((document) => document.toJS() as Declared))
  .filter((resource) => !ofNetwork(resource))
  .map((resource) => (resource.kind === 'FeatureSet' ? { ...resource, spec: { ...resource.spec, features: (resource.spec.features as { name: string }[]).filter((feature) => !ofNetwork(feature)) } } : resource));

export const specOf = (kind: string, name: string): Record<string, unknown> => JSON.parse(JSON.stringify(declared.find((one) => one.kind === kind && one.metadata.name === name)!.spec)) as Record<string, unknown>;

/** Applies the example, with changes by name; the contract is known first. */
export async function applyExample(services: RunningServices, changes: Record<string, Record<string, unknown>> = {}): Promise<runtime.ApplyResourcesResponse> {
  await services.publish('SourceApplied', 'airline', { name: 'airline', version: 1, specJson: canonicalJson(specOf('Source', 'airline')) });
  await services.settle();
  return applyAll(services, declared.filter(({ kind }) => kind !== 'Source').map(({ kind, metadata: { name }, spec }) => ({ kind, name, spec: { ...spec, ...changes[name] } })));
}

export async function applyAll(services: RunningServices, resources: { kind: string; name: string; spec: Record<string, unknown> }[]): Promise<runtime.ApplyResourcesResponse> {
  const client = connect(runtime.ResourceServiceClient, services.grpc, services.token('dev'));
  try {
    return await call(client, 'applyResources', {
      service: 'feature', resources: resources.map(({ kind, name, spec }) => ({ kind, name, specJson: canonicalJson(spec), version: 0 })),
    }, { deadline: 10_000 });
  } finally {
    client.close();
  }
}

/** Calls feature's door as `who`. */
export async function ask<R>(services: RunningServices, who: string, act: (client: feature.FeatureServiceClient) => Promise<R>): Promise<R> {
  const client = connect(feature.FeatureServiceClient, services.grpc, services.token(who));
  try {
    return await act(client);
  } finally {
    client.close();
  }
}

export const getFeatures = (services: RunningServices, rows: Record<string, unknown>[], asOf: number, who = 'serving', featureSet = 'flight-lateness'): Promise<feature.GetFeaturesResponse> =>
  ask(services, who, (client) => call(client, 'getFeatures', { featureSet, version: 0, asOf, rows: rows.map((fields) => ({ fieldsJson: JSON.stringify(fields) })) }, { deadline: 2_000 }));

export const buildTrainingSet = (services: RunningServices, asOf: number, requireFullWindows = false, who = 'training'): Promise<feature.BuildTrainingSetResponse> =>
  ask(services, who, (client) => call(client, 'buildTrainingSet', { featureSet: 'flight-lateness', version: 0, asOf, requireFullWindows }, { deadline: 2_000 }));

export const record = (id: string, type: string, key: string, eventTime: number, arrival: number, data: Record<string, unknown>): ingestion.Record => ({
  source: 'airline', id, type, key, eventTime, arrival, arrivalBasis: ingestion.ArrivalBasis.OBSERVED, recordedAt: arrival, dataJson: JSON.stringify(data),
  contentDigest: id, revision: 1, supersedes: '', traceparent: '', subject: key, identity: '', withdrawn: false, mendedBy: '',
});

export const shardOfRecord = ({ key }: ingestion.Record): number => shardOf('ingestion.records', key);

export const within = (seed: number, purpose: string, id: number, below: number): number => Math.floor(hashUnit(seed, purpose, id) * below);
