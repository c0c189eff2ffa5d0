import type { serving } from '@rhei/contracts';
import type { Deps } from '../deps';
import { lossWindow } from './deployment-spec';

/** Every deployment with its traffic: what was said last of it, what is planned, and what the last look at a rollout found. */
export async function listDeployments({ deployments, plans, switches, ledger, clock }: Pick<Deps, 'deployments' | 'plans' | 'switches' | 'ledger' | 'clock'>): Promise<serving.Deployment[]> {
  const [list, planned, applied, counts] = await Promise.all([deployments.list(), plans.newest(), switches.applied(), ledger.countByDeployment()]);
  return list.map(({ name, model, featureSet, ledger: mode }) => {
    const { said, newest } = planned.get(name) ?? {};
    const plan = said?.plan;
    return {
      name, model, featureSet, ledger: mode, liveVersion: plan?.live.version ?? 0, liveDigest: plan?.live.digest ?? '', liveSince: plan?.liveSince ?? 0,
      desiredRevision: newest?.plan.revision ?? 0, appliedRevision: applied.get(name) ?? 0, shiftedRevision: plan?.revision ?? 0, predictions: counts.get(name) ?? 0,
      stage: plan?.stage ?? '', candidate: plan?.candidate?.version ?? 0, candidateDigest: plan?.candidate?.digest ?? '', share: plan?.share ?? 0, stageSince: plan?.stageSince ?? 0,
      versionBefore: plan?.before?.version ?? 0, underWay: newest?.underWay ?? false,
      shadows: [
        ...(plan?.kept ?? []).map(({ version, digest, until }) => ({ version, digest, why: 'replaced', until })),
        ...(plan === undefined || plan.benchmark === null ? [] : [{ ...plan.benchmark, why: 'benchmark', until: 0 }]),
      ],
      figuresJson: newest?.figures ? JSON.stringify(newest.figures) : '', figuresAt: newest?.figuresAt ?? 0,
      lossWindow: mode === 'async' && clock.kind === 'system' ? lossWindow : 0,
    };
  });
}
