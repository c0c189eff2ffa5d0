import type { Deployment } from '../src/deployment/deployment.store';
import type { LedgerRow } from '../src/prediction/ledger.store';
import type { ModelSession } from '../src/traffic/model-session';
import type { Champion, Plan, Version } from '../src/traffic/plan';
import type { Division, Loaded } from '../src/traffic/traffic';

/** A deployment as its declaration's defaults make it. */
export const aDeployment = (over: Partial<Deployment> = {}): Deployment =>
  ({ name: 'orders', version: 1, model: 'm', featureSet: 's', ledger: 'sync', look: '1d', keep: '14d', benchmark: 'none', ...over });

/** Version `number` of a model; its digest is made of the number. */
export const aVersion = (version: number): Version => ({ version, digest: `d${version}` });

export const aChampion = (version: number, over: Partial<Champion> = {}): Champion =>
  ({ model: 'm', ...aVersion(version), revision: version, replaces: version - 1, promotedAt: 0, kind: 'promotion', ...over });

/** Version 1 answers everything, and nothing was before it. */
export const aPlan = (over: Partial<Plan> = {}): Plan => ({
  deployment: 'orders', revision: 1_000, model: 'm', live: aVersion(1), liveSince: 0, before: null, candidate: null, stage: 'live', share: 0, kept: [], benchmark: null, promotion: 1,
  rollout: [], step: 0, rolloutFrom: 1_000, rolloutSince: 0, stageFrom: 1_000, stageSince: 0, declared: 1, reason: '', ...over,
});

/** A plan whose versions are loaded; `session` makes the model of each. */
export function aDivision(plan: Plan, session: (version: Version) => ModelSession = () => ({ release: async () => undefined }) as unknown as ModelSession): Division {
  const loaded = (version: Version): Loaded => ({ ...version, session: session(version) });
  return { plan, held: [], live: loaded(plan.live), ...(plan.candidate && { candidate: loaded(plan.candidate) }) };
}

/** A row of the ledger: version 1 answered. */
export const aRow = (id: string, over: Partial<LedgerRow> = {}): LedgerRow => ({
  id, version: 1, role: 'live', deployment: 'orders', model: 'm', featureSet: 's', featureSetVersion: 3, digest: 'd1', example: '', exampleTime: 0, asOf: 1, inputsDigest: '', request: {}, features: [],
  outputs: { probability: 0.5 }, traceparent: '', traffic: 1_000, reason: '', error: '', ...over,
});
