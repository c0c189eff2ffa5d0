import { training } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { readers, type Call, type Role, type Rpc } from '@rhei/runtime';
import { cancelRun } from './cancel-run';
import { compareRuns } from './compare-runs';
import type { Deps } from './deps';
import { listRuns } from './list-runs';
import { reproduceRun } from './reproduce-run';
import type { Reproduction } from './reproduction';
import { reproductionNamed } from './reproduction.store';
import type { Run } from './run';
import { runNamed } from './run.store';
import { startRun } from './start-run';

const starters: Role[] = ['developer', 'operator', 'admin'];
const query = 2_000;

export const trainingRpc = (deps: Deps): Rpc[] => [{
  definition: training.TrainingServiceService,
  methods: {
    startRun: {
      roles: starters, deadline: query,
      handle: async ({ plan, reason, requestId, noCache }: training.StartRunRequest, { principal }: Call): Promise<training.StartRunResponse> =>
        ({ run: toMessage(await startRun(deps, { plan, reason, requestId, noCache, by: principal.name })) }),
    },
    cancelRun: {
      roles: starters, deadline: query,
      handle: async ({ run }: training.CancelRunRequest, { principal }: Call): Promise<training.CancelRunResponse> => ({ run: toMessage(await cancelRun(deps, { run, by: principal.name })) }),
    },
    getRun: { roles: readers, deadline: query, handle: async ({ run }: training.GetRunRequest): Promise<training.GetRunResponse> => ({ run: toMessage(await runNamed(deps.database, run)) }) },
    listRuns: {
      roles: readers, deadline: query,
      handle: async (request: training.ListRunsRequest): Promise<training.ListRunsResponse> => {
        const { runs, total } = await listRuns(deps.database, request);
        return { runs: runs.map(toMessage), total };
      },
    },
    compareRuns: {
      roles: readers, deadline: query,
      handle: async (ids: training.CompareRunsRequest): Promise<training.CompareRunsResponse> => {
        const { a, b, ...comparison } = await compareRuns(deps, ids);
        return { a: toMessage(a), b: toMessage(b), ...comparison };
      },
    },
    reproduceRun: {
      roles: starters, deadline: query,
      handle: async ({ run, requestId }: training.ReproduceRunRequest, { principal }: Call): Promise<training.ReproduceRunResponse> =>
        ({ reproduction: await toReproduction(deps, await reproduceRun(deps, { run, requestId, by: principal.name })) }),
    },
    getReproduction: {
      roles: readers, deadline: query,
      handle: async ({ id }: training.GetReproductionRequest): Promise<training.GetReproductionResponse> => ({ reproduction: await toReproduction(deps, await reproductionNamed(deps.database, id)) }),
    },
  },
}];

const toReproduction = async ({ database }: Deps, one: Reproduction): Promise<training.Reproduction> => ({ ...one, artifactDigest: (await runNamed(database, one.run)).artifactDigest });

const json = (value: unknown): string => (value === undefined ? '' : canonicalJson(value));
const toMessage = (run: Run): training.Run => ({
  id: run.id, plan: run.plan, model: run.model, state: run.state, asOf: run.asOf, causeJson: canonicalJson(run.cause), by: run.by, progress: run.progress, phase: run.phase,
  reportJson: json(run.report), artifactDigest: run.artifactDigest, trainingSetDigest: run.trainingSetDigest, failure: run.failure,
  parametersJson: json(run.record?.parameters), codeDigest: run.record?.codeDigest ?? '', fitUntil: run.record?.fitUntil ?? 0, cachedFrom: run.cachedFrom ?? '',
  endedAt: run.endedAt ?? 0, seconds: run.seconds, specJson: canonicalJson(run.spec), championJson: json(run.champion),
  trainingSet: run.trainingSet, featureSet: run.featureSet, featureSetVersion: run.featureSetVersion,
});
