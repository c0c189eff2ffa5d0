import { training } from '@rhei/contracts';
import { canonicalJson } from '@rhei/expressions';
import { readers, type Call, type Role, type Rpc } from '@rhei/runtime';
import { cancelRun } from './cancel-run';
import type { Deps } from './deps';
import type { Run } from './run';
import { listRuns, runNamed } from './run.store';
import { startRun } from './start-run';

const starters: Role[] = ['developer', 'operator', 'admin'];
const query = 2_000;

export const trainingRpc = (deps: Deps): Rpc[] => [{
  definition: training.TrainingServiceService,
  methods: {
    startRun: {
      roles: starters, deadline: query,
      handle: async ({ plan, reason, requestId }: training.StartRunRequest, { principal }: Call): Promise<training.StartRunResponse> =>
        ({ run: toMessage(await startRun(deps, { plan, reason, requestId, by: principal.name })) }),
    },
    cancelRun: {
      roles: starters, deadline: query,
      handle: async ({ run }: training.CancelRunRequest, { principal }: Call): Promise<training.CancelRunResponse> => ({ run: toMessage(await cancelRun(deps, { run, by: principal.name })) }),
    },
    getRun: { roles: readers, deadline: query, handle: async ({ run }: training.GetRunRequest): Promise<training.GetRunResponse> => ({ run: toMessage(await runNamed(deps.database, run)) }) },
    listRuns: { roles: readers, deadline: query, handle: async ({ model }: training.ListRunsRequest): Promise<training.ListRunsResponse> => ({ runs: (await listRuns(deps.database, model)).map(toMessage) }) },
  },
}];

const toMessage = (run: Run): training.Run => ({
  id: run.id, plan: run.plan, model: run.model, state: run.state, asOf: run.asOf, causeJson: canonicalJson(run.cause), by: run.by, progress: run.progress,
  reportJson: run.report === undefined ? '' : canonicalJson(run.report), artifactDigest: run.artifactDigest, trainingSetDigest: run.trainingSetDigest, failure: run.failure,
});
